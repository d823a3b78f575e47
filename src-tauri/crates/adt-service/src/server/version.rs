//! The versions of the data plane, and in what their answers differ.

use super::answer::Refusal;
use super::gate::short;
use axum::http::StatusCode;
use serde_json::Value;

/// The versions that the service takes, oldest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum ApiVersion {
    V2020_10_31,
    V2022_05_31,
    V2023_10_31,
}

const NAMES: [(&str, ApiVersion); 3] = [
    ("2020-10-31", ApiVersion::V2020_10_31),
    ("2022-05-31", ApiVersion::V2022_05_31),
    ("2023-10-31", ApiVersion::V2023_10_31),
];

impl ApiVersion {
    /// The version that a request's query asks for. Texts: Microsoft's Azure REST guidelines
    /// (api-version-missing, api-version-unsupported).
    pub(super) fn of_query(query: &str) -> Result<Self, Refusal> {
        let refusal =
            |code, message: String| Err(Refusal::new(StatusCode::BAD_REQUEST, code, message));
        let mut params = url::form_urlencoded::parse(query.as_bytes());
        let given = params.find(|(name, _)| name.eq_ignore_ascii_case("api-version"));
        let given = given.map(|(_, version)| version).unwrap_or_default();
        if given.is_empty() {
            return refusal(
                "MissingApiVersionParameter",
                "The api-version query parameter (?api-version=) is required for all requests"
                    .into(),
            );
        }
        match NAMES.iter().find(|(name, _)| *name == given) {
            Some((_, version)) => Ok(*version),
            None => refusal(
                "UnsupportedApiVersionValue",
                format!(
                    "Unsupported api-version '{}'. The supported api-versions are '{}'.",
                    short(&given),
                    NAMES.map(|(name, _)| name).join(", ")
                ),
            ),
        }
    }

    /// A twin, component or row of a query in the form of this version: `$lastUpdateTime` and
    /// `sourceTime` are there since 2022-05-31 (recorded traffic, and the documentation of data
    /// history).
    pub(super) fn shape(self, mut body: Value) -> Value {
        if self < Self::V2022_05_31 {
            take_times(&mut body, 3);
        }
        body
    }
}

/// `levels`: a row of a query may hold twins, and twins hold components.
fn take_times(body: &mut Value, levels: u8) {
    let Value::Object(members) = body else { return };
    for (name, value) in members {
        match value {
            Value::Object(metadata) if name == "$metadata" => {
                metadata.shift_remove("$lastUpdateTime");
                for times in metadata.values_mut().filter_map(Value::as_object_mut) {
                    times.shift_remove("sourceTime");
                }
            }
            other if levels > 1 => take_times(other, levels - 1),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    #[test]
    fn older_answers_have_fewer_times() {
        let metadata = |extra: bool| {
            let mut times = json!({"lastUpdateTime": "t"});
            let mut metadata = json!({"$model": "m"});
            if extra {
                metadata["$lastUpdateTime"] = json!("t");
                times["sourceTime"] = json!("s");
            }
            metadata["p"] = times;
            metadata
        };
        let row = |extra: bool| {
            json!({"T": {"$dtId": "t", "p": 1, "$metadata": metadata(extra),
                "c": {"p": 2, "$metadata": metadata(extra)}}})
        };
        for (version, extra) in [("2020-10-31", false), ("2022-05-31", true), ("2023-10-31", true)]
        {
            let version = ApiVersion::of_query(&format!("api-version={version}")).unwrap();
            assert_eq!(version.shape(row(true)), row(extra), "{version:?}");
        }
    }
}
