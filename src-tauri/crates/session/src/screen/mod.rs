//! What the page sees of an open instance.

mod arrange;
mod drawing;
mod explore;
mod floor_plan;
mod graph;
mod kinds;
mod limits;
mod log;
mod property;
mod rows;
mod search;
mod touched;
mod twin;

pub(crate) use explore::{neighbours, paths};
pub(crate) use floor_plan::FloorPlan;
pub(crate) use graph::GraphScreen;
pub(crate) use limits::limits;
pub(crate) use log::{event_detail, log_window};
pub(crate) use search::{search, search_matches};
pub(crate) use twin::twin_detail;

use parking_lot::Mutex;
use std::sync::Arc;
use twin_graph::{PropertyValue, Timestamp, Twin};

/// A floor plan that edits of its file replace.
pub(crate) type SharedFloorPlan = Arc<Mutex<Arc<FloorPlan>>>;

/// ms since the Unix epoch, as the page wants times.
fn millis(time: Timestamp) -> f64 {
    time.ticks() as f64 / 10_000.0
}

/// A twin's name for people: its property `name` or `displayName`.
fn name_of(twin: &Twin) -> Option<&str> {
    let text = |property: &str| twin.property(property).and_then(PropertyValue::as_str);
    text("name").or_else(|| text("displayName")).filter(|name| !name.is_empty())
}

/// The last part of a DTMI, for models without a display name: `Room` of `dtmi:com:x:Room;1`.
fn last_part(dtmi: &str) -> &str {
    let path = dtmi.split(';').next().unwrap_or(dtmi);
    path.rsplit(':').next().unwrap_or(path)
}

pub(crate) fn model_name(models: &dtdl::Models, dtmi: &str) -> String {
    let display =
        models.get(dtmi).and_then(|model| model.display_name.get("en").map(str::to_owned));
    display.unwrap_or_else(|| last_part(dtmi).to_owned())
}

/// How a DTDL unit is written.
fn unit_sign(unit: &str) -> &str {
    match unit {
        "degreeCelsius" => "°C",
        "degreeFahrenheit" => "°F",
        "kelvin" => "K",
        "percent" => "%",
        "partsPerMillion" => "ppm",
        "squareMetre" => "m²",
        "metre" => "m",
        "lux" => "lx",
        "watt" => "W",
        "kilowatt" => "kW",
        "kilowattHour" => "kWh",
        "pascal" => "Pa",
        other => other,
    }
}
