#pragma once

// Work that should not take the processor from those who are waited for.

#include <functional>

namespace ballast {

// Does it in a thread of its own that comes after others for a core (nice 10: a tenth of one that
// another thread wants, all of one that nobody does), and returns when it is done. A thread of its
// own because a thread cannot raise its priority again. Where the kernel does not lower it, the
// work is done all the same.
void in_background(const std::function<void()>& work);

}  // namespace ballast
