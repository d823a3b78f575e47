//! Notifications, their wire forms, and the route filter language.
