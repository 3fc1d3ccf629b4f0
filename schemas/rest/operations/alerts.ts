import {
  AlertDetails,
  AlertList,
  alertListQuery,
  AlertParams,
  NewSilence,
  Silence,
  SilenceList,
  silenceListQuery,
  SilenceParams,
} from '../alerts.js'
import { bare, json, type Operation } from '../operation.js'

const alerts = { ...bare, tag: 'alerts', access: 'viewer' } as const

/** Alerts and silences. @param pageLimitMax how many rows a page may have */
export const alertOperations = (pageLimitMax: number) =>
  ({
    listAlerts: {
      ...alerts,
      path: '/alerts',
      summary: 'What was decided, sent or suppressed and by what, newest first',
      query: alertListQuery(pageLimitMax),
      answers: { 200: json('One page', AlertList) },
      problems: ['DEPENDENCY_UNAVAILABLE'],
    },
    getAlert: {
      ...alerts,
      path: '/alerts/{id}',
      summary: 'One alert, and what became of its messages',
      params: AlertParams,
      answers: { 200: json('The alert', AlertDetails) },
      problems: ['ALERT_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'],
    },
    listSilences: {
      ...alerts,
      path: '/silences',
      summary: 'Silences and maintenance windows, the one that ends last first',
      query: silenceListQuery(pageLimitMax),
      answers: { 200: json('One page', SilenceList) },
      problems: ['DEPENDENCY_UNAVAILABLE'],
    },
    createSilence: {
      ...alerts,
      method: 'post',
      path: '/silences',
      access: 'operator',
      summary: 'Quiet for a cause, until an end',
      body: NewSilence,
      answers: { 201: json('The silence', Silence) },
      problems: ['DEPENDENCY_UNAVAILABLE'],
    },
    endSilence: {
      ...alerts,
      method: 'delete',
      path: '/silences/{id}',
      access: 'operator',
      summary: 'Ends a silence now',
      params: SilenceParams,
      answers: { 200: json('The silence', Silence) },
      problems: ['SILENCE_NOT_FOUND', 'DEPENDENCY_UNAVAILABLE'],
    },
  }) as const satisfies Readonly<Record<string, Operation>>
