import { bare, json, type Operation } from '../operation.js'
import {
  DifferenceList,
  differenceListQuery,
  ReconciliationList,
  reconciliationListQuery,
  ReconciliationParams,
} from '../reconciliations.js'

const reconciliations = { ...bare, tag: 'detection', access: 'viewer' } as const

/** Stored anomalies against those that the archive gives. @param pageLimitMax how many rows a page may have */
export const reconciliationOperations = (pageLimitMax: number) =>
  ({
    listReconciliations: {
      ...reconciliations,
      path: '/reconciliations',
      summary: 'Days whose anomalies were held against the archive, newest first',
      query: reconciliationListQuery(pageLimitMax),
      answers: { 200: json('One page', ReconciliationList) },
      problems: ['DEPENDENCY_UNAVAILABLE'],
    },
    listReconciledDifferences: {
      ...reconciliations,
      path: '/reconciliations/{day}/differences',
      summary: 'The anomalies of a day that are missing, extra, or other than the archive says',
      params: ReconciliationParams,
      query: differenceListQuery(pageLimitMax),
      answers: { 200: json('One page', DifferenceList) },
      problems: ['DAY_NOT_RECONCILED', 'DEPENDENCY_UNAVAILABLE'],
    },
  }) as const satisfies Readonly<Record<string, Operation>>
