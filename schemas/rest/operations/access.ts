import { AuditList, auditQuery, AuditVerdict } from '../audit.js'
import { auditExportQuery, ExportLine } from '../audit-export.js'
import { CreatedKey, Done, Key, KeyList, keyListQuery, KeyParams, LogIn, NewKey, Rotation, Session } from '../keys.js'
import { NewUser, User, UserChange, UserList, userListQuery, UserParams } from '../users.js'
import { bare, json, none, type Operation } from '../operation.js'

const access = { ...bare, tag: 'access', access: 'admin' } as const

const keyOperations = (pageLimitMax: number) =>
  ({
    listKeys: {
      ...access,
      path: '/keys',
      summary: 'API keys, without the keys',
      query: keyListQuery(pageLimitMax),
      answers: { 200: json('One page', KeyList) },
      problems: ['DEPENDENCY_UNAVAILABLE'],
    },
    createKey: {
      ...access,
      method: 'post',
      path: '/keys',
      summary: 'A new API key, shown once',
      body: NewKey,
      isSecret: true,
      answers: { 201: json('The key', CreatedKey) },
      problems: ['USER_NOT_FOUND', 'WRONG_STATE', 'DEPENDENCY_UNAVAILABLE'],
    },
    getKey: {
      ...access,
      path: '/keys/{key_id}',
      summary: 'One API key',
      params: KeyParams,
      answers: { 200: json('The key', Key) },
      problems: ['KEY_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'],
    },
    rotateKey: {
      ...access,
      method: 'post',
      path: '/keys/{key_id}/rotate',
      summary: 'A new key in place of one that ends, at once or a little later',
      params: KeyParams,
      body: Rotation,
      isSecret: true,
      answers: { 201: json('The new key', CreatedKey) },
      problems: ['KEY_NOT_FOUND', 'LAST_ADMIN', 'DEPENDENCY_UNAVAILABLE'],
    },
    revokeKey: {
      ...access,
      method: 'delete',
      path: '/keys/{key_id}',
      summary: 'Revokes a key at once, and ends the log-ins made with it',
      params: KeyParams,
      answers: { 200: json('The key', Key) },
      problems: ['KEY_NOT_FOUND', 'LAST_ADMIN', 'DEPENDENCY_UNAVAILABLE'],
    },
  }) as const satisfies Readonly<Record<string, Operation>>

const userOperations = (pageLimitMax: number) =>
  ({
    listUsers: {
      ...access,
      path: '/users',
      summary: 'Whom keys belong to: people and services',
      query: userListQuery(pageLimitMax),
      answers: { 200: json('One page', UserList) },
      problems: ['DEPENDENCY_UNAVAILABLE'],
    },
    createUser: {
      ...access,
      method: 'post',
      path: '/users',
      summary: 'A new user, who has no key yet',
      body: NewUser,
      answers: { 201: json('The user', User) },
      problems: ['EMAIL_TAKEN', 'TOO_MANY_USERS', 'DEPENDENCY_UNAVAILABLE'],
    },
    getUser: {
      ...access,
      path: '/users/{user_id}',
      summary: 'One user; `/keys?user_id=` has their keys',
      params: UserParams,
      answers: { 200: json('The user', User) },
      problems: ['USER_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'],
    },
    changeUser: {
      ...access,
      method: 'patch',
      path: '/users/{user_id}',
      summary:
        'Another name, address or role for a user, or disables or enables them: it acts on all their keys at once',
      params: UserParams,
      body: UserChange,
      needsMatch: true,
      answers: { 200: json('The user', User) },
      problems: ['USER_NOT_FOUND', 'LAST_ADMIN', 'EMAIL_TAKEN', 'DEPENDENCY_UNAVAILABLE'],
    },
  }) as const satisfies Readonly<Record<string, Operation>>

const auditOperations = (pageLimitMax: number, auditExportMax: number) =>
  ({
    listAudit: {
      ...access,
      path: '/audit',
      summary: 'Who changed what, or was not allowed to, newest first',
      query: auditQuery(pageLimitMax),
      answers: { 200: json('One page', AuditList) },
      problems: ['DEPENDENCY_UNAVAILABLE'],
    },
    exportAudit: {
      ...access,
      path: '/audit/export',
      lane: 'reports',
      summary: 'The audit log, oldest first, a line of JSON each; `guardian audit verify-file` checks its chain',
      query: auditExportQuery(auditExportMax),
      answers: {
        200: {
          description: 'Lines `begin`, `record`..., `end`; what has no line `end` was cut off',
          contentType: 'application/x-ndjson',
          schema: ExportLine,
        },
      },
      problems: ['DEPENDENCY_UNAVAILABLE'],
    },
    verifyAudit: {
      ...access,
      path: '/audit/verification',
      lane: 'reports',
      summary: 'Whether any record of the audit log was changed or removed',
      answers: { 200: json('What was found', AuditVerdict) },
      problems: ['DEPENDENCY_UNAVAILABLE'],
    },
  }) as const satisfies Readonly<Record<string, Operation>>

const sessionOperations = {
  logIn: {
    ...access,
    method: 'post',
    path: '/session',
    access: 'open',
    summary: 'A log-in with a key, for browsers: an HttpOnly cookie stands for the key',
    params: none,
    body: LogIn,
    answers: { 201: json('Who the caller is', Session) },
    problems: ['UNAUTHENTICATED', 'FORBIDDEN', 'RATE_LIMITED', 'DEPENDENCY_UNAVAILABLE'],
  },
  getSession: {
    ...access,
    path: '/session',
    access: 'viewer',
    summary: 'Who the caller is',
    answers: { 200: json('Who the caller is', Session) },
  },
  logOut: {
    ...access,
    method: 'delete',
    path: '/session',
    access: 'viewer',
    summary: 'Ends the log-in',
    answers: { 200: json('It has ended', Done) },
    problems: ['DEPENDENCY_UNAVAILABLE'],
  },
} as const satisfies Readonly<Record<string, Operation>>

/** Users, their keys, log-ins and the audit log. */
export const accessOperations = (pageLimitMax: number, auditExportMax: number) => ({
  ...userOperations(pageLimitMax),
  ...keyOperations(pageLimitMax),
  ...sessionOperations,
  ...auditOperations(pageLimitMax, auditExportMax),
})
