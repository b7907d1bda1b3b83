//! Whole requests through the routers, with small engines behind them.

#![allow(clippy::unwrap_used)]

mod access;
mod actions;
mod contract;
mod export;
mod fakes;
mod fixture;
mod hardening;
mod live;
mod login;
mod openapi;
mod prometheus;
mod receive;
mod receive_grpc;
mod receive_otlp;
mod rules;
mod searches;
mod sockets;
mod targets;
