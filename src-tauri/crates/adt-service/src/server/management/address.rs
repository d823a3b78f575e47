//! What a path of Azure Resource Manager names.

/// The provider's namespace.
const NAMESPACE: &str = "Microsoft.DigitalTwins";
const INSTANCES: &str = "digitalTwinsInstances";

/// What a path names. Names in it are as they were sent, keywords in whatever case.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Address<'a> {
    /// What the provider can do.
    Provider,
    /// `…/locations/{l}/checkNameAvailability`.
    CheckName,
    /// `…/locations/{l}/operationStatuses/{id}`.
    OperationStatus(&'a str),
    /// `…/locations/{l}/operationResults/{id}`.
    OperationResult(Scope<'a>, &'a str),
    /// All instances of a subscription, or of one of its resource groups.
    Instances(Scope<'a>),
    /// An instance.
    Instance(Scope<'a>, &'a str),
    /// What an instance has of one kind.
    Parts(Scope<'a>, &'a str, Part),
    /// One of these.
    PartNamed(Scope<'a>, &'a str, Part, &'a str),
}

/// Where an instance is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Scope<'a> {
    /// The subscription's id.
    pub(super) subscription: &'a str,
    /// The resource group, where the path names one.
    pub(super) group: Option<&'a str>,
}

/// What an instance has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Endpoints,
    TimeSeriesDatabaseConnections,
    PrivateEndpointConnections,
    PrivateLinkResources,
}

const PARTS: [(&str, Part); 4] = [
    ("endpoints", Part::Endpoints),
    ("timeSeriesDatabaseConnections", Part::TimeSeriesDatabaseConnections),
    ("privateEndpointConnections", Part::PrivateEndpointConnections),
    ("privateLinkResources", Part::PrivateLinkResources),
];

impl<'a> Address<'a> {
    /// Reads a path; `None` where it names nothing that there is.
    pub(super) fn parse(path: &'a str) -> Option<Self> {
        let segments: Vec<&str> = path.trim_matches('/').split('/').collect();
        match segments.as_slice() {
            [providers, namespace, operations]
                if is(providers, "providers")
                    && is(namespace, NAMESPACE)
                    && is(operations, "operations") =>
            {
                Some(Self::Provider)
            }
            [subscriptions, subscription, rest @ ..] if is(subscriptions, "subscriptions") => {
                Self::within(subscription, rest)
            }
            _ => None,
        }
    }

    fn within(subscription: &'a str, path: &[&'a str]) -> Option<Self> {
        let (group, path) = match path {
            [groups, group, rest @ ..] if is(groups, "resourceGroups") => (Some(*group), rest),
            path => (None, path),
        };
        let [providers, namespace, path @ ..] = path else { return None };
        if !is(providers, "providers") || !is(namespace, NAMESPACE) {
            return None;
        }
        let scope = Scope { subscription, group };
        match path {
            [instances] if is(instances, INSTANCES) => Some(Self::Instances(scope)),
            [instances, name, rest @ ..] if group.is_some() && is(instances, INSTANCES) => {
                Self::of_instance(scope, name, rest)
            }
            [locations, _, what] if is(locations, "locations") => {
                is(what, "checkNameAvailability").then_some(Self::CheckName)
            }
            [locations, _, what, id] if is(locations, "locations") => match *what {
                what if is(what, "operationStatuses") => Some(Self::OperationStatus(id)),
                what if is(what, "operationResults") => Some(Self::OperationResult(scope, id)),
                _ => None,
            },
            _ => None,
        }
    }

    fn of_instance(scope: Scope<'a>, instance: &'a str, path: &[&'a str]) -> Option<Self> {
        let part = |name: &str| PARTS.iter().find(|(own, _)| is(name, own)).map(|(_, part)| *part);
        match path {
            [] => Some(Self::Instance(scope, instance)),
            [name] => Some(Self::Parts(scope, instance, part(name)?)),
            [name, one] => Some(Self::PartNamed(scope, instance, part(name)?, one)),
            _ => None,
        }
    }
}

impl Scope<'_> {
    /// The id of an instance in it.
    pub(super) fn id_of(&self, instance: &str) -> String {
        let Self { subscription, group } = self;
        let group = group.unwrap_or(super::arm::GROUP);
        format!(
            "/subscriptions/{subscription}/resourceGroups/{group}/providers/{NAMESPACE}/{INSTANCES}/{instance}"
        )
    }
}

/// The type of an instance.
pub(super) fn instance_type() -> String {
    format!("{NAMESPACE}/{INSTANCES}")
}

//= documented: The names in the paths of Azure Resource Manager have no case.
fn is(segment: &str, keyword: &str) -> bool {
    segment.eq_ignore_ascii_case(keyword)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_name_what_there_is() {
        let scope = Scope { subscription: "s", group: Some("g") };
        let whole = Scope { subscription: "s", group: None };
        let provider = "providers/Microsoft.DigitalTwins";
        for (path, expected) in [
            (format!("/{provider}/operations"), Some(Address::Provider)),
            (
                format!("/subscriptions/s/{provider}/digitalTwinsInstances"),
                Some(Address::Instances(whole)),
            ),
            (
                format!("/SUBSCRIPTIONS/s/resourcegroups/g/{provider}/digitaltwinsinstances/"),
                Some(Address::Instances(scope)),
            ),
            (
                format!("/subscriptions/s/resourceGroups/g/{provider}/digitalTwinsInstances/n"),
                Some(Address::Instance(scope, "n")),
            ),
            (
                format!(
                    "/subscriptions/s/resourceGroups/g/{provider}/digitalTwinsInstances/n/endpoints/e"
                ),
                Some(Address::PartNamed(scope, "n", Part::Endpoints, "e")),
            ),
            (
                format!("/subscriptions/s/{provider}/locations/l/checkNameAvailability"),
                Some(Address::CheckName),
            ),
            (
                format!("/subscriptions/s/{provider}/locations/l/operationStatuses/1"),
                Some(Address::OperationStatus("1")),
            ),
            (format!("/subscriptions/s/{provider}/digitalTwinsInstances/n"), None),
            ("/subscriptions/s/resourceGroups/g".to_owned(), None),
            ("/subscriptions/s/providers/Microsoft.EventHub/namespaces".to_owned(), None),
            ("/subscriptions".to_owned(), None),
        ] {
            assert_eq!(Address::parse(&path), expected, "{path}");
        }
    }
}
