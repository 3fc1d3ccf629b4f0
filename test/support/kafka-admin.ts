import kafkajs, { type Admin } from 'kafkajs'
import { withAdmin } from '../../platform/kafka/admin.js'

/** Asks brokers something, or has them do it, over a client of the moment that logs nothing. */
export const askBrokers = <T>(brokers: readonly string[], work: (admin: Admin) => Promise<T>): Promise<T> =>
  withAdmin(new kafkajs.Kafka({ clientId: 'test', brokers: [...brokers], logLevel: kafkajs.logLevel.NOTHING }), work)
