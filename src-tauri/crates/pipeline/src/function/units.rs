//! Conversions between units of one quantity, by DTDL's names.
//!
//! Source of the names: DTDL v2 and v3 (quantitative types), units of each unit type.

/// `value · factor + offset` brings a value to the quantity's base unit.
type Linear = (f64, f64);

/// Quantity, unit, factor and offset.
const UNITS: &[(&str, &str, f64, f64)] = &[
    ("temperature", "kelvin", 1.0, 0.0),
    ("temperature", "degreeCelsius", 1.0, 273.15),
    ("temperature", "degreeFahrenheit", 5.0 / 9.0, 459.67 * 5.0 / 9.0),
    ("pressure", "pascal", 1.0, 0.0),
    ("pressure", "kilopascal", 1_000.0, 0.0),
    ("pressure", "bar", 100_000.0, 0.0),
    ("pressure", "millibar", 100.0, 0.0),
    ("pressure", "millimetresOfMercury", 133.322_387_415, 0.0),
    ("pressure", "poundPerSquareInch", 6_894.757_293_168, 0.0),
    ("pressure", "inchesOfMercury", 3_386.389, 0.0),
    ("pressure", "inchesOfWater", 249.088_9, 0.0),
    ("length", "metre", 1.0, 0.0),
    ("length", "centimetre", 0.01, 0.0),
    ("length", "millimetre", 0.001, 0.0),
    ("length", "kilometre", 1_000.0, 0.0),
    ("length", "foot", 0.3048, 0.0),
    ("length", "inch", 0.0254, 0.0),
    ("length", "mile", 1_609.344, 0.0),
    ("velocity", "metrePerSecond", 1.0, 0.0),
    ("velocity", "kilometrePerHour", 1.0 / 3.6, 0.0),
    ("velocity", "milePerHour", 0.447_04, 0.0),
    ("velocity", "centimetrePerSecond", 0.01, 0.0),
    ("velocity", "knot", 0.514_444_444_444, 0.0),
    ("mass", "kilogram", 1.0, 0.0),
    ("mass", "gram", 0.001, 0.0),
    ("mass", "milligram", 0.000_001, 0.0),
    ("mass", "tonne", 1_000.0, 0.0),
    ("volume", "cubicMetre", 1.0, 0.0),
    ("volume", "litre", 0.001, 0.0),
    ("volume", "millilitre", 0.000_001, 0.0),
    ("volume", "cubicFoot", 0.028_316_846_592, 0.0),
    ("volume", "gallon", 0.003_785_411_784, 0.0),
    ("power", "watt", 1.0, 0.0),
    ("power", "kilowatt", 1_000.0, 0.0),
    ("power", "megawatt", 1_000_000.0, 0.0),
    ("power", "horsepower", 745.699_871_582, 0.0),
    ("energy", "joule", 1.0, 0.0),
    ("energy", "kilojoule", 1_000.0, 0.0),
    ("energy", "megajoule", 1_000_000.0, 0.0),
    ("energy", "kilowattHour", 3_600_000.0, 0.0),
    ("time", "second", 1.0, 0.0),
    ("time", "millisecond", 0.001, 0.0),
    ("time", "minute", 60.0, 0.0),
    ("time", "hour", 3_600.0, 0.0),
    ("time", "day", 86_400.0, 0.0),
    ("ratio", "unity", 1.0, 0.0),
    ("ratio", "percent", 0.01, 0.0),
    ("angle", "radian", 1.0, 0.0),
    ("angle", "degreeOfArc", 0.017_453_292_519_943_295, 0.0),
    ("illuminance", "lux", 1.0, 0.0),
    ("illuminance", "footcandle", 10.763_910_416_709_722, 0.0),
];

/// What brings a value from one unit to another: `value · factor + offset`.
///
/// # Errors
/// A sentence: a unit that is not known, or of another quantity.
pub(crate) fn conversion(from: &str, to: &str) -> Result<Linear, String> {
    let of = |name: &str| {
        UNITS.iter().find(|(_, unit, ..)| *unit == name).ok_or_else(|| {
            format!("There is no unit «{name}» here. DTDL's names are meant, as degreeCelsius.")
        })
    };
    let (&(quantity, _, factor, offset), &(other, _, to_factor, to_offset)) = (of(from)?, of(to)?);
    if quantity == other {
        Ok((factor / to_factor, (offset - to_offset) / to_factor))
    } else {
        Err(format!("«{from}» is a unit of {quantity}, «{to}» of {other}."))
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn converts_and_refuses() {
        let apply = |from, to, value: f64| {
            let (factor, offset) = conversion(from, to).unwrap();
            value * factor + offset
        };
        let near = |a: f64, b: f64| (a - b).abs() < 1e-9;
        assert!(near(apply("degreeFahrenheit", "degreeCelsius", 212.0), 100.0));
        assert!(near(apply("degreeCelsius", "degreeFahrenheit", 0.0), 32.0));
        assert!(near(apply("kelvin", "degreeCelsius", 273.15), 0.0));
        assert!(near(apply("percent", "unity", 45.0), 0.45));
        assert!(conversion("percent", "bar").unwrap_err().contains("pressure"));
        assert!(conversion("warm", "bar").unwrap_err().contains("warm"));
    }
}
