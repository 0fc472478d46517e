//! What must hold whatever an image holds: for the fuzz targets in fuzz/ and, within bounds, for the tests of this crate. Each
//! function panics where its promise is broken.

mod cage;
pub mod craft;
mod image;
mod layers;

pub use cage::Cage;
pub use image::oci_image;
pub use layers::oci_layers;
