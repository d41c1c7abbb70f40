//! The host with real components: what a well-meant action does, what a hostile one cannot do, and what authors are told.

mod contract;
mod example;
mod hostile;
mod instances;
mod limits;
mod sources;
mod world;
