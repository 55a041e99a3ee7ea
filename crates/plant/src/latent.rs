//! What a model remembers of the past.

use std::any::Any;
use std::fmt::Debug;

/// What a model remembers of the past: everything that its future depends on. It is opaque: only the model that made it looks into it,
/// so it may be a few numbers, a history of frames or a handle on another device.
#[derive(Debug)]
pub struct Latent(Box<dyn Remembered>);

/// What can stand in a [`Latent`].
trait Remembered: Any + Debug + Send + Sync {
    fn copy(&self) -> Box<dyn Remembered>;
    fn any(&self) -> &dyn Any;
    fn any_mut(&mut self) -> &mut dyn Any;
}

impl<T: Any + Clone + Debug + Send + Sync> Remembered for T {
    fn copy(&self) -> Box<dyn Remembered> {
        Box::new(self.clone())
    }

    fn any(&self) -> &dyn Any {
        self
    }

    fn any_mut(&mut self) -> &mut dyn Any {
        self
    }
}

impl Clone for Latent {
    fn clone(&self) -> Self {
        // The box itself could stand in a latent as well: what is copied is what lies in it.
        Latent((*self.0).copy())
    }
}

impl Latent {
    /// Hides what a model remembers.
    pub fn new<T: Any + Clone + Debug + Send + Sync>(remembered: T) -> Self {
        Latent(Box::new(remembered))
    }

    /// What was hidden, for the model that hid it.
    ///
    /// # Panics
    /// Where it holds no `T`: then another model made it, a mistake of the program.
    pub fn of<T: Any>(&self) -> &T {
        let own = (*self.0).any().downcast_ref();
        own.unwrap_or_else(|| panic!("a latent was given to a model that did not make it: {self:?}"))
    }

    /// The same, to be changed.
    ///
    /// # Panics
    /// As [`Latent::of`].
    pub fn of_mut<T: Any>(&mut self) -> &mut T {
        let own = (*self.0).any_mut().downcast_mut();
        own.unwrap_or_else(|| panic!("a latent was given to a model that did not make it"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_moved_alone() {
        let first = Latent::new(vec![1.0, 2.0]);
        let mut second = first.clone();
        second.of_mut::<Vec<f64>>()[0] = 7.0;
        assert_eq!(first.of::<Vec<f64>>(), &[1.0, 2.0]);
        assert_eq!(second.of::<Vec<f64>>(), &[7.0, 2.0]);
    }

    #[test]
    #[should_panic(expected = "did not make it")]
    fn another_models_latent_is_refused() {
        Latent::new(1_u8).of::<Vec<f64>>();
    }
}
