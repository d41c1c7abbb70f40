//! The host with real components: what a well-meant action does, what a hostile one cannot do, and what authors are told.

mod built_in;
mod cluster;
mod contract;
mod engines;
mod example;
mod growth;
mod hostile;
mod instances;
mod limits;
mod modifiers;
mod roles;
mod sources;
mod world;
mod worlds;
