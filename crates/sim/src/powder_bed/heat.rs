//! Heat treatment: stress relief, recrystallisation, Laves, delta, grains, precipitates.

use super::{Alloy, GAS};

/// Solvus of delta and of γ″, K (Azadian 2004).
const DELTA_SOLVUS: f64 = 1293.0;
const GAMMA_SOLVUS: f64 = 1183.0;
/// Share of stress that 1065 °C for 1.5 h leaves (closure).
const RELIEF_LEFT: f64 = 0.10;

/// The state after steps A, B and the fixed second ageing at 620 °C for 8 h.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Heat {
    /// Share of residual stress that is left.
    pub stress_left: f64,
    /// Recrystallised share.
    pub recrystallised: f64,
    /// Laves phase that is left, as a share of the as-built.
    pub laves: f64,
    /// Delta phase, volume fraction.
    pub delta: f64,
    /// Grain size, µm.
    pub grain_um: f64,
    /// γ″ + γ′ volume fraction.
    pub precipitate: f64,
    /// Precipitate size, nm.
    pub size_nm: f64,
    /// Furnace hours.
    pub hours: f64,
}

/// An Arrhenius rate that is 1 at the reference temperature.
fn arrhenius(q: f64, t: f64, reference: f64) -> f64 {
    libm::exp(-q / GAS * (1.0 / t - 1.0 / reference))
}

impl Heat {
    /// Steps `(T in °C, hours)`; each may be skipped. The second ageing follows step B only.
    pub fn new(alloy: Alloy, step_a: Option<(f64, f64)>, step_b: Option<(f64, f64)>) -> Self {
        let kelvin = |s: (f64, f64)| (s.0 + 273.15, s.1 * 3600.0);
        let mut steps: Vec<(f64, f64)> = step_a.into_iter().chain(step_b).map(kelvin).collect();
        if step_b.is_some() {
            steps.push((893.15, 8.0 * 3600.0));
        }
        let mut h = Heat {
            stress_left: 1.0,
            recrystallised: 0.0,
            laves: 1.0,
            delta: 0.0,
            grain_um: 15.0,
            precipitate: 0.0,
            size_nm: 5.0,
            hours: step_a.map_or(0.0, |s| s.1 + 2.0) + step_b.map_or(0.0, |s| s.1 + 11.0),
        };
        let (mut relief, mut recrystal, mut size3) = (0.0, 0.0, 125.0);
        for &(t, s) in &steps {
            relief += libm::exp(-290e3 / (GAS * t)) * s;
            recrystal += 9.82e-5 * arrhenius(400e3, t, 1353.0) * s;
            h.laves *= libm::exp(-2.94e-4 * arrhenius(265e3, t, 1423.0) * s);
            if t > 1123.0 && t < DELTA_SOLVUS {
                h.delta += 0.08 * ((DELTA_SOLVUS - t) / 120.0).min(1.0) * (1.0 - libm::exp(-s / 7200.0));
            }
            if t > DELTA_SOLVUS {
                h.grain_um =
                    libm::pow(libm::pow(h.grain_um, 4.0) + 7.3e18 * s * libm::exp(-417e3 / (GAS * t)), 0.25);
            }
            let equilibrium = alloy.precipitate
                * 0.20
                * (1.0 - libm::exp(-(GAMMA_SOLVUS - t) / 110.0)).max(0.0)
                * (1.0 - 0.25 * h.laves)
                * (1.0 - h.delta / 0.12);
            let rate = 1.11e-4 * arrhenius(200e3, t, 993.0);
            h.precipitate = equilibrium + (h.precipitate - equilibrium) * libm::exp(-rate * s);
            if t < GAMMA_SOLVUS {
                size3 += 0.694 * arrhenius(272e3, t, 1023.0) * s;
            }
        }
        // Zener–Wert–Avrami, its prefactor set by RELIEF_LEFT.
        let reference = libm::exp(-290e3 / (GAS * 1338.15)) * 5400.0;
        let prefactor = libm::pow(-libm::log(RELIEF_LEFT), 1.0 / 0.3) / reference;
        h.stress_left = libm::exp(-libm::pow(prefactor * relief, 0.3));
        h.recrystallised = 1.0 - libm::exp(-recrystal * recrystal * recrystal);
        h.size_nm = libm::cbrt(size3);
        h
    }
}
