import { DeadLetterList, deadLetterQuery } from '../dead-letters.js'
import { bare, json, type Operation } from '../operation.js'

/** Records that cannot be processed. @param pageLimitMax how many a page may have */
export const deadLetterOperations = (pageLimitMax: number) =>
  ({
    listDeadLetters: {
      ...bare,
      path: '/dlq/records',
      tag: 'jobs',
      access: 'viewer',
      lane: 'reports',
      summary: 'Dead letters, newest first, decoded and raw, and how many of them have each cause',
      query: deadLetterQuery(pageLimitMax),
      answers: { 200: json('One page', DeadLetterList) },
      problems: ['DEPENDENCY_UNAVAILABLE'],
    },
  }) as const satisfies Readonly<Record<string, Operation>>
