import { AlertStage } from '../../support/alert-stage.js'
import { useTestStack } from '../../support/stack.js'
import { deadLetters } from './alerts/dead-letters.js'
import { otherSources } from './alerts/other-sources.js'
import { receivers } from './alerts/receivers.js'

/** One orchestrator for all: its start takes longer than most of what is looked at here. */
describe('alerts', function () {
  this.timeout(180_000)
  useTestStack('postgres', 'kafka', 'registry', 'temporal')
  let stage: AlertStage
  before(async () => (stage = await AlertStage.open({ BREAKER_PAUSE_MS: '2000' })))
  after(() => stage.close())

  describe('of dead letters', () => deadLetters(() => stage))
  describe('to receivers that do not take them', () => receivers(() => stage))
  describe('of what else is watched', () => otherSources(() => stage))
})
