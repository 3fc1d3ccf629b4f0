import { bare, json, type Operation } from '../operation.js'
import {
  NewQuarantineDecision,
  QuarantinedRecord,
  QuarantineList,
  QuarantineParams,
  quarantineQuery,
} from '../quarantine.js'

/** Records that the figures of their day leave out. @param pageLimitMax how many a page may have */
export const quarantineOperations = (pageLimitMax: number) =>
  ({
    listQuarantine: {
      ...bare,
      path: '/quarantine',
      tag: 'figures',
      access: 'viewer',
      summary: 'Records that the figures of their day leave out: why, and what was decided on them',
      query: quarantineQuery(pageLimitMax),
      answers: { 200: json('One page', QuarantineList) },
      problems: ['DEPENDENCY_UNAVAILABLE'],
    },
    decideQuarantinedRecord: {
      ...bare,
      method: 'put',
      path: '/quarantine/{id}/decision',
      tag: 'figures',
      access: 'operator',
      summary: 'Lets a record count from the next run of its day on, or leaves it out for good',
      params: QuarantineParams,
      body: NewQuarantineDecision,
      answers: { 200: json('The record', QuarantinedRecord) },
      problems: ['RECORD_NOT_FOUND', 'RECORD_DOES_NOT_FIT', 'DEPENDENCY_UNAVAILABLE'],
    },
  }) as const satisfies Readonly<Record<string, Operation>>
