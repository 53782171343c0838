"""Disposable processes in which documents are opened: killable as a group, limited, recycled."""
