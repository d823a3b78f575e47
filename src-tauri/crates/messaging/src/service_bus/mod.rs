//! Service Bus queues, topics and subscriptions over AMQP 1.0.
