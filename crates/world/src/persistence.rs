//! The floor: tomorrow is as today.

use forethought_plant::{Dynamics, Imagined, Latent, Shape};

/// Every sensor stays at its last valid reading.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Persistence(pub Shape);

impl Dynamics for Persistence {
    fn shape(&self) -> Shape {
        self.0
    }

    fn begin(&self, observed: &[f64]) -> Latent {
        Latent(observed.iter().map(|v| if v.is_nan() { 0.0 } else { *v }).collect())
    }

    fn assimilate(&self, latent: &mut Latent, _action: &[f64], observed: &[f64]) {
        for (last, &now) in latent.0.iter_mut().zip(observed) {
            if !now.is_nan() {
                *last = now;
            }
        }
    }

    fn imagine(&self, latent: &Latent, _actions: &[f64], imagined: &mut Imagined) {
        for row in imagined.mean.chunks_exact_mut(self.0.sensors.max(1)) {
            row.copy_from_slice(&latent.0);
        }
        imagined.spread.fill(0.0);
    }
}
