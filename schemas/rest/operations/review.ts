import { AllowlistEntry, AllowlistPage, AllowlistParams, allowlistQuery, NewAllowlistEntry } from '../allowlist.js'
import { LiveAnomalyParams } from '../anomalies.js'
import { bare, json, type Operation } from '../operation.js'
import { NewVerdict, VerdictDocument } from '../verdicts.js'

const review = { ...bare, tag: 'review', problems: ['DEPENDENCY_UNAVAILABLE'] } as const
const ofAnomaly = ['ANOMALY_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'] as const
const ofEntry = ['ENTRY_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'] as const

const verdictOperations = {
  getVerdict: {
    ...review,
    path: '/anomalies/{id}/verdict',
    access: 'viewer',
    summary: 'What people have said of an anomaly',
    params: LiveAnomalyParams,
    answers: { 200: json('The verdict, and those before it', VerdictDocument) },
    problems: ofAnomaly,
  },
  giveVerdict: {
    ...review,
    method: 'put',
    path: '/anomalies/{id}/verdict',
    access: 'analyst',
    summary: 'Says whether an anomaly is one; a false positive counts for no figure and no alert',
    params: LiveAnomalyParams,
    body: NewVerdict,
    needsMatch: true,
    answers: { 200: json('The verdict, and those before it', VerdictDocument) },
    problems: ofAnomaly,
  },
} as const satisfies Readonly<Record<string, Operation>>

const allowlistOperations = (pageLimitMax: number) =>
  ({
    listAllowlist: {
      ...review,
      path: '/allowlist',
      access: 'analyst',
      summary: 'Whose anomalies are not acted on, the entry that ends last first',
      query: allowlistQuery(pageLimitMax),
      answers: { 200: json('One page', AllowlistPage) },
    },
    addAllowlistEntry: {
      ...review,
      method: 'post',
      path: '/allowlist',
      access: 'operator',
      summary: 'Lets a session, a user, a range of addresses or user agents be, until an end; open anomalies too',
      body: NewAllowlistEntry,
      answers: { 201: json('The entry', AllowlistEntry) },
      problems: ['ALLOWLIST_FULL', 'DEPENDENCY_UNAVAILABLE'],
    },
    getAllowlistEntry: {
      ...review,
      path: '/allowlist/{id}',
      access: 'analyst',
      summary: 'One entry of the allowlist',
      params: AllowlistParams,
      answers: { 200: json('The entry', AllowlistEntry) },
      problems: ofEntry,
    },
    endAllowlistEntry: {
      ...review,
      method: 'delete',
      path: '/allowlist/{id}',
      access: 'operator',
      summary: 'Ends an entry now: windows that begin from then on are acted on again',
      params: AllowlistParams,
      answers: { 200: json('The entry', AllowlistEntry) },
      problems: ofEntry,
    },
  }) as const satisfies Readonly<Record<string, Operation>>

/** What people say of anomalies, and whom they do not want to hear of. @param pageLimitMax how many rows a page may have */
export const reviewOperations = (pageLimitMax: number) => ({
  ...verdictOperations,
  ...allowlistOperations(pageLimitMax),
})
