#![allow(clippy::all, clippy::pedantic,missing_docs,clippy::unwrap_used,clippy::print_stdout)]
use sockscope::sys::bpf::*; use sockscope::wire::task_file::*; use std::time::Instant;
fn main(){ 
 for _ in 0..3 {
 let t=Instant::now(); let l=layout(); println!("layout {:?} {:?}",t.elapsed(),l);
 let t=Instant::now(); let f=TaskFiles::load(); println!("load {:?} {:?}",t.elapsed(),f);
 if let Ok(f)=f { let t=Instant::now(); let mut n=0; let mut rings=0; let r=f.list(&Chosen::all(),|r|{n+=1; if let OpenFile::Ring(_)=r.file {rings+=1}; if n<8 {println!("{:?} {}",r,String::from_utf8_lossy(&r.comm))}; true}); println!("list {:?} n {} rings {} {:?}",t.elapsed(),n,rings,r);
 let t=Instant::now(); let mut n=0; let _=f.list(&Chosen::of([std::num::NonZeroU32::new(77).unwrap()]),|_|{n+=1;true}); println!("filtered {:?} {}",t.elapsed(),n);
 let t=Instant::now(); let mut n=0; let r=TaskFiles::census(|_|{n+=1;true}); println!("census {:?} {} {:?}",t.elapsed(),n,r);
 }
 }
}
