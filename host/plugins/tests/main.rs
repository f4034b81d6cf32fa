//! Real components on the real engine: the shipped ones, and small hostile
//! ones written here, made into components of the real WIT.

mod cache;
mod changes;
mod concurrency;
mod determinism;
mod effects;
mod hostile;
mod loading;
mod pages;
mod parsers;
mod shipped;

use sortie_guests as guests;
