//! What is seen of a plant at one moment: numbers, and frames of cameras.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

/// The pixels of a camera's frame; a frame is `height × width × planes` bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FrameShape {
    /// Rows.
    pub height: u32,
    /// Columns.
    pub width: u32,
    /// Bytes of a pixel: 1 grey, 3 red, green and blue.
    pub planes: u32,
}

impl FrameShape {
    /// Bytes of one frame.
    pub fn bytes(&self) -> usize {
        [self.height, self.width, self.planes].iter().fold(1_usize, |n, &d| n.saturating_mul(d as usize))
    }
}

/// One picture of one camera, shared and never changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Frame {
    shape: FrameShape,
    pixels: Arc<[u8]>,
}

impl Frame {
    /// A frame of `height × width × planes` bytes, row after row, a pixel's planes beside each other; None where there are more or fewer.
    pub fn new(shape: FrameShape, pixels: impl Into<Arc<[u8]>>) -> Option<Self> {
        let pixels = pixels.into();
        (pixels.len() == shape.bytes()).then_some(Frame { shape, pixels })
    }

    /// Its rows, columns and planes.
    pub fn shape(&self) -> FrameShape {
        self.shape
    }

    /// `[height × width × planes]`.
    pub fn pixels(&self) -> &[u8] {
        &self.pixels
    }
}

/// What is seen of a plant at one moment.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Observation<'a> {
    /// `[sensors]`, in the card's order; NaN where nothing was read.
    pub numbers: &'a [f64],
    /// `[cameras]`, in the card's order; None where a camera gave no frame since the last observation. Empty of a plant without cameras.
    pub frames: &'a [Option<Frame>],
}

impl<'a> From<&'a [f64]> for Observation<'a> {
    fn from(numbers: &'a [f64]) -> Self {
        Observation { numbers, frames: &[] }
    }
}

impl<'a> From<&'a Vec<f64>> for Observation<'a> {
    fn from(numbers: &'a Vec<f64>) -> Self {
        Observation::from(numbers.as_slice())
    }
}

impl<'a, const N: usize> From<&'a [f64; N]> for Observation<'a> {
    fn from(numbers: &'a [f64; N]) -> Self {
        Observation::from(numbers.as_slice())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_has_as_many_bytes_as_its_shape_says() {
        let shape = FrameShape { height: 2, width: 3, planes: 3 };
        assert_eq!(Frame::new(shape, vec![7; 18]).map(|f| f.pixels().len()), Some(18));
        assert_eq!(Frame::new(shape, vec![7; 17]), None);
        let far = FrameShape { height: u32::MAX, width: u32::MAX, planes: u32::MAX };
        assert_eq!(far.bytes(), usize::MAX);
    }
}
