//! An AMQP 1.0 server engine: frames, connections, sessions, links. It knows nothing of Azure.
