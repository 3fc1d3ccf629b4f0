import type { Queryable } from '../db/pool.js'
import { readSchemas, refuseSchemas } from '../db/stores/schema-readings.js'
import type { PartitionName } from '../db/stores/partition-name.js'
import type { EventDecoder } from './detector/event-decoder.js'
import { PartitionSchemas } from './partition-schemas.js'

/** The schema ids of partitions, as detector and archiver decide about them: in one table. */
export const schemasOf = ({ SCHEMA_WAIT_MS: waitMs }: { readonly SCHEMA_WAIT_MS: number }, db: Queryable) => ({
  schemasOf: (name: PartitionName, decoder: EventDecoder): PartitionSchemas =>
    new PartitionSchemas(
      name,
      decoder,
      {
        read: (of, ids) => readSchemas(db, of, ids),
        refuse: (of, ids, toOffset) => refuseSchemas(db, of, ids, toOffset),
      },
      { waitMs },
    ),
})
