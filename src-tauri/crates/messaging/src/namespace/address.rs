//! Addresses of nodes, as the official clients write them.

use percent_encoding::percent_decode_str;

/// What an address names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Node {
    /// Where tokens are put.
    Cbs,
    /// Where questions about an entity are asked; with an empty path, about the namespace's.
    Management(String),
    /// A hub, queue, topic or subscription, or something in one.
    Entity(String),
}

impl Node {
    /// Reads `sb://host/hub`, `amqps://host:port/hub/…`, `/hub` and `hub` alike.
    pub(crate) fn of(address: &str) -> Self {
        let path = match address.split_once("://") {
            Some((_, rest)) => rest.split_once('/').map_or("", |(_, path)| path),
            None => address,
        };
        let path = percent_decode_str(path.trim_matches('/')).decode_utf8_lossy();
        let path = path.trim_matches('/');
        if path.eq_ignore_ascii_case("$cbs") {
            return Self::Cbs;
        }
        let (rest, last) = path.rsplit_once('/').unwrap_or(("", path));
        if last.eq_ignore_ascii_case("$management") {
            Self::Management(rest.to_owned())
        } else {
            Self::Entity(path.to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_addresses_of_the_official_clients() {
        for (address, node) in [
            ("$cbs", Node::Cbs),
            ("$management", Node::Management(String::new())),
            ("amqps://localhost:5672/$management", Node::Management(String::new())),
            ("queue/$management", Node::Management("queue".into())),
            ("amqps://localhost:5672/hub/Partitions/0", Node::Entity("hub/Partitions/0".into())),
            ("hub/ConsumerGroups/%24Default/Partitions/0/", {
                Node::Entity("hub/ConsumerGroups/$Default/Partitions/0".into())
            }),
            ("", Node::Entity(String::new())),
            ("sb://localhost", Node::Entity(String::new())),
        ] {
            assert_eq!(Node::of(address), node, "{address}");
        }
    }
}
