//! A directory whose files are read whole instead of mapped: a file that is cut while it is mapped would end
//! the process when it is touched.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};

use tantivy::Directory;
use tantivy::directory::error::{DeleteError, LockError, OpenReadError, OpenWriteError};
use tantivy::directory::{
    DirectoryLock, FileHandle, Lock, MmapDirectory, OwnedBytes, WatchCallback, WatchHandle,
    WritePtr,
};

type Cache = Arc<Mutex<HashMap<PathBuf, Weak<OwnedBytes>>>>;

/// Reads by itself and leaves everything else to tantivy's own directory.
#[derive(Debug, Clone)]
pub(super) struct Whole {
    disk: MmapDirectory,
    root: PathBuf,
    read: Cache,
}

impl Whole {
    /// The directory at `root`.
    pub(super) fn open(root: &Path) -> tantivy::Result<Self> {
        let disk = MmapDirectory::open(root)?;
        Ok(Self { disk, root: root.to_owned(), read: Cache::default() })
    }
}

impl Directory for Whole {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = read.get(path).and_then(Weak::upgrade) {
            return Ok(known);
        }
        let bytes = std::fs::read(self.root.join(path)).map_err(|error| match error.kind() {
            io::ErrorKind::NotFound => OpenReadError::FileDoesNotExist(path.to_owned()),
            _ => OpenReadError::wrap_io_error(error, path.to_owned()),
        })?;
        let bytes = Arc::new(OwnedBytes::new(bytes));
        read.retain(|_, held| held.strong_count() > 0);
        read.insert(path.to_owned(), Arc::downgrade(&bytes));
        Ok(bytes)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.disk.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.disk.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        self.disk.open_write(path)
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        self.disk.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, data: &[u8]) -> io::Result<()> {
        self.disk.atomic_write(path, data)
    }

    fn sync_directory(&self) -> io::Result<()> {
        self.disk.sync_directory()
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.disk.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.disk.watch(callback)
    }
}
