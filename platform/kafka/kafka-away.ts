import kafkajs from 'kafkajs'
import { kafkaFault } from './kafka-fault.js'

/**
 * Does work with Kafka. What kafkajs throws is told apart from errors of our own: it means that Kafka does not do what is
 * asked of it now.
 * @throws PlatformError KAFKA_UNAVAILABLE in place of an error of kafkajs; whatever else `work` throws
 */
export async function orKafkaAway<T>(work: () => Promise<T>): Promise<T> {
  try {
    return await work()
  } catch (cause) {
    if (cause instanceof kafkajs.KafkaJSError) throw kafkaFault(cause)
    throw cause
  }
}
