//! The floor plan of a workspace as areas of the drawing.
//!
//! A feature of the GeoJSON is the area of the twin that its property `twin` names. Storeys, told
//! apart by the property `level` or else `floor`, lie over each other on the ground; on the drawing
//! they stand above each other, the highest on top.

use graph_layout::Area;
use serde_json::Value;
use std::cmp::Ordering;
use std::collections::HashMap;

/// The side of a square as large as the area in the middle, in drawing units: a room with what
/// hangs on it.
const USUAL: f64 = 160.0;
/// Between two storeys.
const GAP: f32 = 96.0;

/// Areas by `$dtId`.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct FloorPlan(HashMap<String, Area>);

/// One feature, in units of its coordinates, y downwards.
struct Feature {
    twin: String,
    storey: Storey,
    min: [f64; 2],
    max: [f64; 2],
}

#[derive(Clone, Debug, PartialEq)]
enum Storey {
    Level(f64),
    Named(String),
}

impl FloorPlan {
    /// Reads a `FeatureCollection`; features without a twin or an extent are left out.
    pub(crate) fn read(collection: &Value) -> Self {
        let features = collection.get("features").and_then(Value::as_array);
        let mut features: Vec<_> = features.into_iter().flatten().filter_map(feature).collect();
        project(&mut features);
        features.sort_by(|a, b| a.storey.order(&b.storey));
        let scale = scale(&features);
        let left = features.iter().map(|feature| feature.min[0]).fold(f64::INFINITY, f64::min);
        let mut areas = HashMap::new();
        let mut top = 0.0;
        for storey in features.chunk_by(|a, b| a.storey == b.storey) {
            let ends = |of: fn(&Feature) -> f64| storey.iter().map(of);
            let upper = ends(|feature| feature.min[1]).fold(f64::INFINITY, f64::min);
            let lower = ends(|feature| feature.max[1]).fold(f64::NEG_INFINITY, f64::max);
            let place = |at: [f64; 2]| {
                [((at[0] - left) * scale) as f32, ((at[1] - upper) * scale) as f32 + top]
            };
            for feature in storey {
                let area = Area { min: place(feature.min), max: place(feature.max) };
                areas.insert(feature.twin.clone(), area);
            }
            top += ((lower - upper) * scale) as f32 + GAP;
        }
        Self(areas)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn area(&self, twin: &str) -> Option<Area> {
        self.0.get(twin).copied()
    }
}

impl Storey {
    /// The highest first.
    fn order(&self, other: &Self) -> Ordering {
        match (self, other) {
            (Self::Level(a), Self::Level(b)) => b.total_cmp(a),
            (Self::Named(a), Self::Named(b)) => graph_layout::natural_order(b, a),
            (Self::Level(_), Self::Named(_)) => Ordering::Less,
            (Self::Named(_), Self::Level(_)) => Ordering::Greater,
        }
    }
}

fn feature(feature: &Value) -> Option<Feature> {
    let properties = feature.get("properties")?;
    let twin = properties.get("twin")?.as_str()?.to_owned();
    let storey = match properties.get("level").and_then(Value::as_f64) {
        Some(level) => Storey::Level(level),
        None => Storey::Named(
            properties.get("floor").and_then(Value::as_str).unwrap_or_default().to_owned(),
        ),
    };
    let (mut min, mut max) = ([f64::INFINITY; 2], [f64::NEG_INFINITY; 2]);
    points(feature.get("geometry")?.get("coordinates")?, &mut |at| {
        for axis in 0..2 {
            min[axis] = min[axis].min(at[axis]);
            max[axis] = max[axis].max(at[axis]);
        }
    });
    (min[0] < max[0] && min[1] < max[1]).then_some(Feature { twin, storey, min, max })
}

/// The points of any geometry: lists in lists, the innermost of numbers.
fn points(coordinates: &Value, take: &mut impl FnMut([f64; 2])) {
    let Some(list) = coordinates.as_array() else { return };
    match list.as_slice() {
        [Value::Number(x), Value::Number(y), ..] => {
            if let (Some(x), Some(y)) = (x.as_f64(), y.as_f64()) {
                take([x, y]);
            }
        }
        deeper => deeper.iter().for_each(|each| points(each, take)),
    }
}

/// North up, y downwards; degrees of longitude as long as they are there.
fn project(features: &mut [Feature]) {
    let geographic = |feature: &Feature| {
        feature.min[0] >= -180.0
            && feature.max[0] <= 180.0
            && feature.min[1] >= -90.0
            && feature.max[1] <= 90.0
    };
    let degrees = features.iter().all(geographic);
    let middle = features.iter().map(|feature| feature.min[1]).sum::<f64>();
    let middle = middle / features.len().max(1) as f64;
    let narrower = if degrees { middle.to_radians().cos() } else { 1.0 };
    for feature in features {
        let (bottom, top) = (feature.min[1], feature.max[1]);
        (feature.min, feature.max) =
            ([feature.min[0] * narrower, -top], [feature.max[0] * narrower, -bottom]);
    }
}

/// Drawing units a unit.
fn scale(features: &[Feature]) -> f64 {
    let side = |feature: &Feature| {
        ((feature.max[0] - feature.min[0]) * (feature.max[1] - feature.min[1])).sqrt()
    };
    let mut sides: Vec<f64> = features.iter().map(side).collect();
    sides.sort_by(f64::total_cmp);
    sides.get(sides.len() / 2).map_or(1.0, |side| USUAL / side)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use serde_json::json;

    fn square(twin: &str, about: Value, [x, y]: [f64; 2], side: f64) -> Value {
        let mut properties = about;
        properties["twin"] = json!(twin);
        let ring = [[x, y], [x + side, y], [x + side, y + side], [x, y + side], [x, y]];
        json!({"properties": properties, "geometry": {"type": "Polygon", "coordinates": [ring]}})
    }

    fn read(features: &[Value]) -> FloorPlan {
        FloorPlan::read(&json!({"type": "FeatureCollection", "features": features}))
    }

    #[test]
    fn storeys_stand_on_each_other_and_rooms_lie_as_on_the_ground() {
        let plan = read(&[
            square("low west", json!({"level": 1}), [1_000.0, 2_000.0], 4.0),
            square("low east", json!({"level": 1}), [1_004.0, 2_000.0], 4.0),
            square("high", json!({"level": 2}), [1_004.0, 2_004.0], 4.0),
            square("low north", json!({"level": 1}), [1_000.0, 2_004.0], 4.0),
        ]);
        let at = |twin: &str| plan.area(twin).map(|area| (area.min, area.max)).unwrap();
        assert_eq!(at("high"), ([160.0, 0.0], [320.0, 160.0]));
        assert_eq!(at("low north"), ([0.0, 256.0], [160.0, 416.0]));
        assert_eq!(at("low west"), ([0.0, 416.0], [160.0, 576.0]));
        assert_eq!(at("low east"), ([160.0, 416.0], [320.0, 576.0]));
    }

    #[test]
    fn degrees_are_as_long_as_they_are_there() {
        let plan = read(&[square("room", json!({"floor": "Floor_1"}), [-122.1, 60.0], 0.001)]);
        let area = plan.area("room").unwrap();
        let [width, height] = [area.max[0] - area.min[0], area.max[1] - area.min[1]];
        assert!((height / width - 2.0).abs() < 0.01, "{width} by {height}");
    }

    #[test]
    fn what_is_no_area_is_left_out() {
        let no = json!({"level": 1});
        let plan = read(&[
            json!({}),
            json!({"properties": {"twin": "a"}, "geometry": null}),
            json!({"properties": {"twin": "b"}, "geometry": {"type": "Point", "coordinates": [1, 2]}}),
            json!({"properties": {"name": "c"}, "geometry": {"coordinates": [[[0, 0], [1, 1]]]}}),
            json!({"properties": {"twin": "d"}, "geometry": {"coordinates": "here"}}),
            square("room", no, [3.0, 4.0], 2.0),
        ]);
        assert_eq!(plan.0.keys().collect::<Vec<_>>(), ["room"]);
        assert!(read(&[]).is_empty() && FloorPlan::read(&json!(7)).is_empty());
    }
}
