//! What the service tells the world about a change.

use serde_json::{Map, Value, json};
use std::fmt;
use std::str::FromStr;
use twin_graph::{AppliedOperation, Change, ChangeKind, Timestamp, TraceContext};

/// The content type of every notification.
pub(crate) const CONTENT_TYPE: &str = "application/json";
/// The version of CloudEvents that notifications conform to.
pub(crate) const SPEC_VERSION: &str = "1.0";

/// The type of a notification.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum NotificationType {
    /// A twin was created (or replaced as a whole).
    TwinCreate,
    /// Properties of a twin changed.
    TwinUpdate,
    /// A twin was deleted.
    TwinDelete,
    /// A relationship was created (or replaced as a whole).
    RelationshipCreate,
    /// Properties of a relationship changed.
    RelationshipUpdate,
    /// A relationship was deleted.
    RelationshipDelete,
    /// A twin sent telemetry.
    Telemetry,
}

impl NotificationType {
    const ALL: [Self; 7] = [
        Self::TwinCreate,
        Self::TwinUpdate,
        Self::TwinDelete,
        Self::RelationshipCreate,
        Self::RelationshipUpdate,
        Self::RelationshipDelete,
        Self::Telemetry,
    ];

    /// As it stands in `type`: `Microsoft.DigitalTwins.Twin.Update`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::TwinCreate => "Microsoft.DigitalTwins.Twin.Create",
            Self::TwinUpdate => "Microsoft.DigitalTwins.Twin.Update",
            Self::TwinDelete => "Microsoft.DigitalTwins.Twin.Delete",
            Self::RelationshipCreate => "Microsoft.DigitalTwins.Relationship.Create",
            Self::RelationshipUpdate => "Microsoft.DigitalTwins.Relationship.Update",
            Self::RelationshipDelete => "Microsoft.DigitalTwins.Relationship.Delete",
            Self::Telemetry => "microsoft.iot.telemetry",
        }
    }

    /// As the preview's `$eventType` named it, which the service still takes in filters.
    pub fn legacy_name(self) -> &'static str {
        match self {
            Self::TwinCreate | Self::TwinDelete => "DigitalTwinLifecycleNotification",
            Self::TwinUpdate => "DigitalTwinChangeNotification",
            Self::RelationshipCreate | Self::RelationshipUpdate | Self::RelationshipDelete => {
                "DigitalTwinRelationshipChangeNotification"
            }
            Self::Telemetry => "DigitalTwinTelemetryMessages",
        }
    }
}

impl FromStr for NotificationType {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, ()> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == text).ok_or(())
    }
}

impl fmt::Display for NotificationType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// One event notification, before it takes the form of any endpoint.
///
/// Source of the fields: the service's documentation, "Event notifications"
/// (<https://learn.microsoft.com/azure/digital-twins/concepts-event-notifications>).
#[derive(Clone, Debug, PartialEq)]
pub struct Notification {
    /// Unique together with `source`; for telemetry the sender's `Message-Id`.
    pub id: String,
    /// `type`.
    pub kind: NotificationType,
    /// The instance's host name; for telemetry `<host>/digitaltwins/<twin id>`.
    pub source: String,
    /// Twin id or `<twin>/relationships/<id>`; for telemetry the component, or nothing.
    pub subject: Option<String>,
    /// When the service did it. Telemetry has none.
    pub time: Option<Timestamp>,
    /// For telemetry the DTMI of the twin's model.
    pub dataschema: Option<String>,
    /// Trace context of the change; each delivery goes on with a span of its own.
    pub trace: TraceContext,
    /// How many functions were called one after another until the change; 0 where none was.
    pub hops: u64,
    /// The body.
    pub data: Value,
}

impl Notification {
    /// The notification of a change at the instance `host`; `None` for changes of models and event
    /// routes, which the service does not notify.
    ///
    /// `id` is not used for telemetry: its sender names it. A twin or relationship that is
    /// replaced is notified as created: the documentation names no other event for `PUT`. The
    /// change of a relationship does not carry the model of its source: see
    /// [`Notification::with_model`].
    pub fn of(change: &Change, host: &str, id: String) -> Option<Self> {
        use NotificationType as Type;
        let (kind, data) = match &change.kind {
            ChangeKind::ModelsPut { .. }
            | ChangeKind::ModelDecommissioned { .. }
            | ChangeKind::ModelDeleted { .. }
            | ChangeKind::EventRoutePut { .. }
            | ChangeKind::EventRouteDeleted { .. } => return None,
            ChangeKind::TwinPut { twin, .. } => (Type::TwinCreate, twin.to_json()),
            ChangeKind::TwinDeleted { twin } => (Type::TwinDelete, twin.to_json()),
            ChangeKind::TwinPatched { model, patch, .. } => {
                let mut data = Map::with_capacity(2);
                data.insert("modelId".into(), text(model));
                data.insert("patch".into(), patch_json(patch));
                (Type::TwinUpdate, Value::Object(data))
            }
            ChangeKind::RelationshipPut { relationship, .. } => {
                (Type::RelationshipCreate, relationship.to_json())
            }
            ChangeKind::RelationshipDeleted { relationship } => {
                (Type::RelationshipDelete, relationship.to_json())
            }
            ChangeKind::RelationshipPatched { patch, .. } => {
                (Type::RelationshipUpdate, json!({"patch": patch_json(patch)}))
            }
            ChangeKind::Telemetry { .. } => return Self::of_telemetry(change, host),
        };
        Some(Self {
            id,
            kind,
            source: host.to_owned(),
            subject: Some(change.kind.subject()),
            time: Some(change.time),
            dataschema: None,
            trace: change.cause.trace,
            hops: change.cause.origin.hops(),
            data,
        })
    }

    fn of_telemetry(change: &Change, host: &str) -> Option<Self> {
        let ChangeKind::Telemetry { twin, model, component, message_id, body, .. } = &change.kind
        else {
            return None;
        };
        Some(Self {
            id: message_id.to_string(),
            kind: NotificationType::Telemetry,
            source: format!("{host}/digitaltwins/{twin}"),
            subject: component.as_deref().map(str::to_owned),
            time: None,
            dataschema: Some(model.to_string()),
            trace: change.cause.trace,
            hops: change.cause.origin.hops(),
            data: body.clone(),
        })
    }

    /// Names the model of the source twin in the update of a relationship, as the service does;
    /// any other notification has its model already and stays as it is.
    #[must_use]
    pub fn with_model(mut self, dtmi: &str) -> Self {
        if let (NotificationType::RelationshipUpdate, Value::Object(data)) =
            (self.kind, &mut self.data)
        {
            data.shift_insert(0, "modelId".into(), json!(dtmi));
        }
        self
    }
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

/// The operations in the order of members that the service writes: value, path, op.
fn patch_json(patch: &[AppliedOperation]) -> Value {
    let operation = |applied: &AppliedOperation| {
        let operation = &applied.operation;
        let mut object = Map::with_capacity(3);
        if let Some(value) = &operation.value {
            object.insert("value".into(), value.clone());
        }
        object.insert("path".into(), text(&operation.path));
        object.insert("op".into(), text(operation.op.as_str()));
        Value::Object(object)
    };
    patch.iter().map(operation).collect()
}
