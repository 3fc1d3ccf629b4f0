import { AnomalyParams } from '../anomalies.js'
import { bare, json, type Operation } from '../operation.js'
import { NewVerdict, VerdictDocument } from '../verdicts.js'

const review = { ...bare, tag: 'review', problems: ['DEPENDENCY_UNAVAILABLE'] } as const
const ofAnomaly = ['ANOMALY_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'] as const

/** What people say of anomalies. */
export const reviewOperations = {
  getVerdict: {
    ...review,
    path: '/anomalies/{id}/verdict',
    access: 'viewer',
    summary: 'What people have said of an anomaly',
    params: AnomalyParams,
    answers: { 200: json('The verdict, and those before it', VerdictDocument) },
    problems: ofAnomaly,
  },
  giveVerdict: {
    ...review,
    method: 'put',
    path: '/anomalies/{id}/verdict',
    access: 'analyst',
    summary: 'Says whether an anomaly is one; a false positive counts for no figure and no alert',
    params: AnomalyParams,
    body: NewVerdict,
    needsMatch: true,
    answers: { 200: json('The verdict, and those before it', VerdictDocument) },
    problems: ofAnomaly,
  },
} as const satisfies Readonly<Record<string, Operation>>
