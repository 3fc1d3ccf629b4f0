import { AuditList, auditQuery, AuditVerdict } from '../audit.js'
import { CreatedKey, Done, Key, KeyList, keyListQuery, KeyParams, LogIn, NewKey, Rotation, Session } from '../keys.js'
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
      problems: ['DEPENDENCY_UNAVAILABLE'],
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
      problems: ['KEY_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'],
    },
    revokeKey: {
      ...access,
      method: 'delete',
      path: '/keys/{key_id}',
      summary: 'Revokes a key at once, and ends the log-ins made with it',
      params: KeyParams,
      answers: { 200: json('The key', Key) },
      problems: ['KEY_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'],
    },
  }) as const satisfies Readonly<Record<string, Operation>>

const auditOperations = (pageLimitMax: number) =>
  ({
    listAudit: {
      ...access,
      path: '/audit',
      summary: 'Who changed what, or was not allowed to, newest first',
      query: auditQuery(pageLimitMax),
      answers: { 200: json('One page', AuditList) },
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

/** Keys, log-ins and the audit log. @param pageLimitMax how many rows a page may have */
export const accessOperations = (pageLimitMax: number) => ({
  ...keyOperations(pageLimitMax),
  ...sessionOperations,
  ...auditOperations(pageLimitMax),
})
