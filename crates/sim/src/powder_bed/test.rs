//! Test: strength, ductility, hardness, fatigue, residual stress.

use super::heat::Heat;
use super::print::Build;
use super::strength::{FRICTION, HALL_PETCH, cell_strength, precipitate_strength};

/// What the bench would measure without noise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Test {
    /// Yield strength, MPa.
    pub yield_mpa: f64,
    /// Tensile strength, MPa.
    pub tensile_mpa: f64,
    /// Elongation, %.
    pub elongation: f64,
    /// Vickers hardness.
    pub hardness: f64,
    /// Fatigue limit at R = −1, MPa (Murakami 2002).
    pub fatigue_mpa: f64,
    /// Residual stress after treatment, MPa.
    pub stress_mpa: f64,
}

impl Test {
    /// Tests a treated bracket.
    pub fn new(b: &Build, h: &Heat) -> Self {
        let particles = precipitate_strength(h.precipitate, h.size_nm);
        let cells = cell_strength(b.cell_m) * (1.0 - h.recrystallised);
        let dense =
            FRICTION + HALL_PETCH / h.grain_um.sqrt() + (cells * cells + particles * particles).sqrt();
        let (fusion, other) = (b.porosity_fusion, b.porosity() - b.porosity_fusion);
        let yield_mpa = dense * libm::exp(-0.04 * other - 0.08 * fusion);
        let mut elongation = (28.0 - 0.0255 * (dense - 640.0)).max(2.0);
        if particles > 200.0 {
            elongation -= 5.0 * h.laves;
        }
        elongation = (elongation - 60.0 * h.delta).max(0.5) * libm::exp(-other / 3.0 - fusion);
        let tensile_mpa = yield_mpa + (340.0 - 0.22 * (dense - 640.0)).max(150.0);
        let hardness = tensile_mpa / 3.1;
        let defect_um = (1.25 * b.layer_m * 1e6)
            .max(30.0 + 50.0 * libm::cbrt(b.porosity_keyhole) + 100.0 * libm::cbrt(fusion));
        // R = −1: the mean-stress factor ((1 − R)/2)^… is 1.
        let fatigue_mpa = (1.43 * (hardness + 120.0) / libm::pow(defect_um, 1.0 / 6.0)).min(1.6 * hardness);
        Test {
            yield_mpa,
            tensile_mpa,
            elongation,
            hardness,
            fatigue_mpa,
            stress_mpa: b.stress_mpa * h.stress_left,
        }
    }
}
