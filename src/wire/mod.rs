//! Bytes and text of the kernel turned into the model. No I/O, and no panic on any input.

mod bpf_code;
mod btf;
mod bytecode;
mod bytes;
pub mod fd_link;
pub mod inet_diag;
pub mod kernel_text;
pub mod mountinfo;
pub mod nlmsg;
pub mod proc_net;
pub mod proc_pid;
pub mod socket_options;
pub mod task_file;
pub mod tcp_info;
