//! A model of Cloud Spanner for tests.
