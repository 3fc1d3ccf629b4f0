import { randomUUID } from 'node:crypto'
import { userInfo } from 'node:os'
import type { ChangeBy } from '../domain/access/change-by.js'

/** Who the audit log says made a change on the command line: the user of the shell. */
export const changeByShell = (): ChangeBy => ({ actor: 'cli', actorName: userInfo().username, requestId: randomUUID() })
