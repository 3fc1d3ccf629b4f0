import { defineSearchAttributeKey, SearchAttributeType } from '@temporalio/common'
import { workflowInfo } from '@temporalio/workflow'
import { GuardianError } from '../domain/errors.js'
import { parseTimeZone, shopDayOf, UTC } from '../domain/shop-day.js'
import { parseUtcDay, type UtcDay } from '../domain/utc-day.js'
import { decide } from './decide.js'

/** When the schedule that started a run was due; absent when none did. */
export const scheduledStart = defineSearchAttributeKey('TemporalScheduledStartTime', SearchAttributeType.DATETIME)

/**
 * The day that a run is for: the one given, else the day of the time that the schedule was due for. Never the clock's:
 * a run that is late by hours, or repeated a week later, is still for its own day.
 * @param timeZone whose day it is
 * @throws ApplicationFailure GRD_BAD_INPUT, not retryable, without either
 */
export const scheduledDay = (given: string | undefined, timeZone: string = UTC): UtcDay =>
  decide(() => {
    if (given !== undefined) return parseUtcDay(given)
    const due = workflowInfo().typedSearchAttributes.get(scheduledStart)
    if (due === undefined) throw new GuardianError('GRD_BAD_INPUT', 'no day given, and no schedule started this run')
    return shopDayOf(parseTimeZone(timeZone), due.getTime())
  })
