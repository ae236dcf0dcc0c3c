//! Tests of the Spanner engine.
