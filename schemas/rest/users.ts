import { z } from 'zod'
import { ROLES } from '../../domain/access/roles.js'
import { USER_KINDS } from '../../domain/access/users.js'
import { Page, pageCursor, pageLimit } from './page.js'
import { flag, lineOf, replaceWith, Timestamp } from './parameters.js'

const USER_ID = /^user_[0-9a-f]{16}$/
export const UserId = z.string('expected one id').regex(USER_ID, 'not the id of a user')
export const UserParams = z.strictObject({ user_id: UserId.meta({ description: 'The id of a user' }) })
export const Role = z.enum(ROLES, `not one of ${ROLES.join(', ')}`)

/** The query of `GET /users`. @param pageLimitMax how many users a page may have */
export const userListQuery = (pageLimitMax: number) =>
  z.strictObject({
    role: Role.optional(),
    enabled: flag.optional(),
    limit: pageLimit(pageLimitMax),
    cursor: pageCursor(UserId),
  })

const name = lineOf(200).meta({ description: 'What people call them', example: 'Ada Byron' })
// The document has the format alone: the pattern behind it looks ahead, and who generates requests from it fails.
const email = z
  .email('not an e-mail address')
  .max(254, 'longer than 254 characters')
  .meta({ override: replaceWith({ type: 'string', format: 'email', maxLength: 254 }) })

export const NewUser = z
  .strictObject({
    kind: z.enum(USER_KINDS, `not one of ${USER_KINDS.join(', ')}`).meta({ description: 'A service is a program' }),
    name,
    email: email.optional().meta({ description: 'No other user may have it' }),
    role: Role.meta({ description: 'No key of theirs may do more' }),
  })
  .meta({ id: 'NewUser' })

export const UserChange = z
  .strictObject({
    name: name.optional(),
    email: email.nullable().optional().meta({ description: 'null takes it away' }),
    role: Role.optional().meta({ description: 'Acts on all keys of the user at once' }),
    enabled: z.boolean().optional().meta({ description: 'While it is false, every key of the user is refused' }),
  })
  .meta({ id: 'UserChange', description: 'What is not named stays as it is' })

export const User = z
  .strictObject({
    user_id: UserId,
    kind: z.enum(USER_KINDS),
    name: z.string(),
    email: z.string().nullable(),
    role: Role,
    enabled: z.boolean(),
    disabled_ts: Timestamp.nullable(),
    created_ts: Timestamp,
    created_by: z.string().meta({ description: 'The id of a key, or `system`' }),
  })
  .meta({ id: 'User', description: 'A person or a service, whose keys may do no more than they may' })
export type User = z.output<typeof User>

export const UserList = z
  .strictObject({
    data: z.array(User),
    page: Page,
  })
  .meta({ id: 'UserList', description: 'The oldest first' })
