//! Clients of Event Hubs and Service Bus, embedded or in Azure: send, receive, peek, settle.
