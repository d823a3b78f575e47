//! Event Hubs over AMQP 1.0.
