//! Print: melt pool, porosity, residual stress, failures.

use std::f64::consts::{E, PI};

use super::strength::as_built_yield;
use super::{Alloy, logistic};

/// Liquid density, kg/m³ (Mills 2002).
const RHO: f64 = 7400.0;
/// Liquid heat capacity, J/(kg K) (Mills 2002).
const CP: f64 = 720.0;
/// Liquid conductivity, W/(m K) (Mills 2002).
const K: f64 = 29.6;
/// Liquidus and solidus, K (Mills 2002).
const LIQUIDUS: f64 = 1609.0;
const SOLIDUS: f64 = 1533.0;
/// Latent heat, J/kg (Mills 2002).
const LATENT: f64 = 210e3;
/// Young's modulus, MPa.
const YOUNG: f64 = 200e3;
/// Absorption on a bare plate in conduction mode (closure).
const ABSORPTION_FLOOR: f64 = 0.30;
/// Porosity above which a bracket is scrapped, %.
const SCRAP: f64 = 5.0;

/// Print settings.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Print {
    /// Laser power, W.
    pub power_w: f64,
    /// Scan speed, m/s.
    pub speed_m_s: f64,
    /// Hatch distance, m.
    pub hatch_m: f64,
    /// Layer thickness, m.
    pub layer_m: f64,
    /// Plate temperature, K.
    pub plate_k: f64,
    /// Spot diameter, m.
    pub spot_m: f64,
}

/// One melt track.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Track {
    /// Keyhole number Ke (Gan 2021): below 1.4 conduction, above 6 keyhole, from 30 chaotic.
    pub keyhole: f64,
    /// Absorbed share of the power.
    pub absorption: f64,
    /// Width, m.
    pub width_m: f64,
    /// Depth, m.
    pub depth_m: f64,
    /// Length, m.
    pub length_m: f64,
}

impl Track {
    /// The steady track of a print.
    pub fn new(alloy: Alloy, s: &Print) -> Self {
        let (p, v, r) = (s.power_w, s.speed_m_s, s.spot_m / 2.0);
        let dt = LIQUIDUS - s.plate_k;
        let a = K / (RHO * CP);
        // Gan 2021: absorption from the first keyhole estimate.
        let q1 = alloy.absorptivity * p / (PI * dt * RHO * CP * v * r * r);
        let absorption = ABSORPTION_FLOOR.max(0.7 * (1.0 - libm::exp(-0.6 * q1)));
        let keyhole = absorption * p / (PI * dt * RHO * CP * (a * v * r * r * r).sqrt());
        // Width of a point source (Tang 2017 from Rosenthal).
        let rosenthal = (8.0 * absorption * p / (PI * E * RHO * CP * v * dt)).sqrt();
        // 0.36, 0.28, 1.25 and 0.957 are closures on seven 718 and three 625 tracks.
        let depth = (0.36 * rosenthal).max(0.28 * (keyhole - 1.4) * r);
        let melted = 0.957 * absorption * p / (v * RHO * (CP * dt + LATENT) * depth);
        Track {
            keyhole,
            absorption,
            width_m: (1.25 * rosenthal).min(melted),
            depth_m: depth,
            length_m: absorption * p / (2.0 * PI * K * dt),
        }
    }
}

/// Why a print came to nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failure {
    /// The recoater hit the part.
    Crash,
    /// The part came off its supports.
    Delamination,
    /// Too porous to use.
    Scrapped,
}

impl Failure {
    /// In words, as a campaign file's `failures` names it.
    pub fn text(self) -> &'static str {
        match self {
            Failure::Crash => "recoater crash",
            Failure::Delamination => "came off its supports",
            Failure::Scrapped => "too porous",
        }
    }
}

/// A printed bracket.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Build {
    /// The melt track.
    pub track: Track,
    /// Normalised enthalpy (Hann 2011), absorptivity 0.38.
    pub enthalpy: f64,
    /// (h/W)² + (t/D)²: sound up to 1 (Tang 2017).
    pub criterion: f64,
    /// Gas, lack-of-fusion, keyhole and balling porosity, %.
    pub porosity_gas: f64,
    /// Lack of fusion, %.
    pub porosity_fusion: f64,
    /// Keyholes, %.
    pub porosity_keyhole: f64,
    /// Balling, %.
    pub porosity_balling: f64,
    /// Layer thickness, m.
    pub layer_m: f64,
    /// Cooling rate at solidification, K/s.
    pub cooling_k_s: f64,
    /// Cell spacing, m.
    pub cell_m: f64,
    /// Residual stress as built, MPa.
    pub stress_mpa: f64,
    /// Yield strength as built and free of pores, MPa.
    pub yield_mpa: f64,
    /// Build time, h.
    pub hours: f64,
    /// Probability of a recoater crash.
    pub crash: f64,
    /// Probability of coming off the supports.
    pub delamination: f64,
}

impl Build {
    /// Prints the bracket: 60 cm³, 80 mm high.
    pub fn new(alloy: Alloy, s: Print) -> Self {
        let track = Track::new(alloy, &s);
        let (p, v, h, t, r) = (s.power_w, s.speed_m_s, s.hatch_m, s.layer_m, s.spot_m / 2.0);
        let dt = LIQUIDUS - s.plate_k;
        let a = K / (RHO * CP);
        let enthalpy = 0.38 * p / (RHO * CP * dt * (PI * a * v * r * r * r).sqrt());
        let criterion = (h / track.width_m) * (h / track.width_m) + (t / track.depth_m) * (t / track.depth_m);
        let porosity_keyhole = 3.5 * logistic((track.keyhole - 23.0) / 2.3);
        let balling = logistic((track.length_m / track.width_m - 7.0) / 0.5);
        let cooling_k_s = 2.0 * PI * K * v * dt * dt / (track.absorption * p);
        let cell_m = 97e-6 * libm::pow(cooling_k_s, -0.36);
        let yield_mpa = as_built_yield(cell_m);
        let stress_mpa =
            0.85 * yield_mpa * (SOLIDUS - s.plate_k) / (SOLIDUS - 298.0) * libm::pow(t / 40e-6, -0.15);
        let mut build = Build {
            track,
            enthalpy,
            criterion,
            porosity_gas: alloy.gas_porosity,
            porosity_fusion: lack_of_fusion(&track, h, t),
            porosity_keyhole,
            porosity_balling: balling,
            layer_m: t,
            cooling_k_s,
            cell_m,
            stress_mpa,
            yield_mpa,
            hours: (60e-6 / (v * h * t * 0.85) + 0.08 / t * 10.0) / 3600.0,
            crash: 0.0,
            delamination: 0.0,
        };
        // Edge uplift of a ledge of 5 mm, and swelling over deep keyholes.
        let uplift = stress_mpa * 5e-3 / YOUNG;
        let swelling = 0.08 * track.depth_m * logistic((track.keyhole - 16.0) / 3.0);
        build.crash = logistic(((uplift + swelling) / t - 1.0) / 0.12);
        let support = 0.75 * (yield_mpa + 340.0) * libm::exp(-0.10 * build.porosity());
        build.delamination = logistic((stress_mpa / support - 1.0) / 0.06);
        build
    }

    /// All porosity, %.
    pub fn porosity(&self) -> f64 {
        self.porosity_gas + self.porosity_fusion + self.porosity_keyhole + self.porosity_balling
    }

    /// Relative density, %.
    pub fn density(&self) -> f64 {
        100.0 - self.porosity()
    }

    /// Probability that the print comes to nothing.
    pub fn failure_probability(&self) -> f64 {
        if self.porosity() > SCRAP {
            return 1.0;
        }
        1.0 - (1.0 - self.crash) * (1.0 - self.delamination)
    }

    /// What fails, if anything, for two uniform draws from 0 to 1.
    pub fn failure(&self, crash: f64, delamination: f64) -> Option<Failure> {
        match () {
            () if crash < self.crash => Some(Failure::Crash),
            () if delamination < self.delamination => Some(Failure::Delamination),
            () if self.porosity() > SCRAP => Some(Failure::Scrapped),
            () => None,
        }
    }
}

/// Steps of the mean over half a hatch.
const STRIPS: usize = 400;

/// Unfused share of a layer, %, averaged over scatter of width (6 %) and depth (8 %) by 3 × 3
/// Gauss–Hermite nodes; at most 30.
fn lack_of_fusion(track: &Track, hatch: f64, layer: f64) -> f64 {
    let nodes = [(-3f64.sqrt(), 1.0 / 6.0), (0.0, 2.0 / 3.0), (3f64.sqrt(), 1.0 / 6.0)];
    let mut mean = 0.0;
    for (zw, ww) in nodes {
        for (zd, wd) in nodes {
            let (width, depth) = (track.width_m * (1.0 + 0.06 * zw), track.depth_m * (1.0 + 0.08 * zd));
            let open: f64 = (0..STRIPS)
                .map(|i| {
                    let y = (i as f64 + 0.5) / STRIPS as f64 * hatch / 2.0;
                    let inside = 1.0 - (2.0 * y / width) * (2.0 * y / width);
                    let fused = if inside > 0.0 { depth * inside.sqrt() } else { 0.0 };
                    (layer - fused).max(0.0) / layer
                })
                .sum::<f64>()
                / STRIPS as f64;
            mean += ww * wd * open;
        }
    }
    (100.0 * mean).min(30.0)
}
