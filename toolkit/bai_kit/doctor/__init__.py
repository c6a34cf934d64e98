"""`bai-kit doctor`: checks of a namespace and of what is installed there."""
