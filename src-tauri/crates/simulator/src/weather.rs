//! The weather and the thermostats in it: plausible, and the same for the same seed.

use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::f64::consts::TAU;

const DAY_SECONDS: f64 = 86_400.0;

/// Outdoor temperature in °C at a time of day: coldest before sunrise, warmest in the afternoon.
fn outdoor(seconds_of_day: f64) -> f64 {
    9.0 + 6.0 * ((seconds_of_day / DAY_SECONDS - 0.375) * TAU).sin()
}

/// A room's air as its thermostat feels it.
pub(crate) struct Air {
    rng: ChaCha8Rng,
    /// °C, not rounded.
    temperature: f64,
    /// Relative humidity in percent.
    humidity: f64,
    /// How much of the outdoors comes in: a corner room more than a middle one.
    exposure: f64,
    /// Slow noise in °C: people, sun, a door.
    disturbance: f64,
    /// What the sensor adds to this reading, °C.
    jitter: f64,
}

impl Air {
    /// Air that begins at `temperature` °C; `index` tells devices of one seed apart.
    pub(crate) fn new(seed: u64, index: u64, temperature: f64) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed ^ index.wrapping_mul(0x9e37_79b9_7f4a_7c15));
        let humidity = rng.random_range(36.0..46.0);
        let exposure = rng.random_range(0.04..0.12);
        Self { rng, temperature, humidity, exposure, disturbance: 0.0, jitter: 0.0 }
    }

    /// Lets `seconds` pass until the given time of day, with the heating set to `set_point` °C.
    pub(crate) fn pass(&mut self, seconds: f64, seconds_of_day: f64, set_point: f64) {
        let settle = |tau: f64| 1.0 - (-seconds / tau).exp();
        // An Ornstein–Uhlenbeck walk: back to zero within ten minutes, pushed about by noise.
        let push = 0.45 * (2.0 * settle(600.0)).sqrt() * self.rng.random_range(-1.7..1.7);
        self.disturbance += push - self.disturbance * settle(600.0);
        let target =
            set_point + self.exposure * (outdoor(seconds_of_day) - set_point) + self.disturbance;
        self.temperature += (target - self.temperature) * settle(240.0);
        self.jitter = self.rng.random_range(-0.09..0.09);
        // Warmer air of the same water is drier.
        let dry = 41.0 - 1.5 * (self.temperature - 21.0);
        self.humidity += (dry - self.humidity) * settle(900.0)
            + self.rng.random_range(-0.2..0.2) * settle(60.0).sqrt();
        self.humidity = self.humidity.clamp(15.0, 85.0);
    }

    /// °C to a tenth, as a thermostat reports it.
    pub(crate) fn temperature(&self) -> f64 {
        ((self.temperature + self.jitter) * 10.0).round() / 10.0
    }

    /// Percent, whole, as a thermostat reports it.
    pub(crate) fn humidity(&self) -> f64 {
        self.humidity.round()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn day(seed: u64, set_point: f64) -> Vec<f64> {
        let mut air = Air::new(seed, 1, 20.0);
        let steps = (0..28_800).map(|step| f64::from(step) * 3.0);
        steps
            .map(|time| {
                air.pass(3.0, time, set_point);
                air.temperature()
            })
            .collect()
    }

    #[test]
    fn is_the_same_for_a_seed_and_another_for_another() {
        assert_eq!(day(7, 21.0), day(7, 21.0));
        assert_ne!(day(7, 21.0), day(8, 21.0));
    }

    #[test]
    fn follows_the_set_point_and_stays_plausible() {
        let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
        let (cool, warm) = (day(7, 18.0), day(7, 24.0));
        assert!(mean(&warm) - mean(&cool) > 4.0);
        for value in cool.iter().chain(&warm) {
            assert!((12.0..30.0).contains(value), "{value}");
        }
        let steps = warm.windows(2).map(|pair| (pair[1] - pair[0]).abs());
        assert!(steps.fold(0.0, f64::max) < 0.6);
    }
}
