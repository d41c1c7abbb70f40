//! The commands as an author uses them, on the folders in `tests/fixtures/actions`, with guests built from source.

mod cases;
mod check;
mod cluster;
mod desk;
mod pack;
mod run;
mod scripts;
