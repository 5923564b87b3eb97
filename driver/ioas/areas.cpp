// SPDX-License-Identifier: Apache-2.0
#include "ioas/areas.hpp"

#include <algorithm>
#include <utility>

#include "ioas/range_set.hpp"

namespace aperture::ioas {
namespace {

constexpr unsigned kPageLog2 = 12;

/// What the gap [first, last] offers at each alignment.
void add_gap(std::array<std::uint32_t, Areas::kClasses>& room, std::uint64_t first, std::uint64_t last) {
  const auto pages = [](std::uint64_t from, std::uint64_t to) {
    return static_cast<std::uint32_t>(std::min<std::uint64_t>((to - from) / kPageSize + 1, 0xffffffff));
  };
  room[0] = std::max(room[0], pages(first, last));
  for (unsigned kind = 1; kind < Areas::kClasses; ++kind) {
    std::uint64_t from = 0;
    if (!align_up(first, std::uint64_t{1} << (kPageLog2 + kind - 1), from) || from > last) return;
    room[kind] = std::max(room[kind], pages(from, last));
  }
}

}  // namespace

Areas::~Areas() { destroy(root_); }

void Areas::destroy(Node* tree) noexcept {
  while (tree != nullptr) {
    destroy(tree->left);
    const std::unique_ptr<Node> gone(tree);
    tree = tree->right;
  }
}

void Areas::swap(Areas& other) noexcept {
  std::swap(root_, other.root_);
  std::swap(size_, other.size_);
  std::swap(random_, other.random_);
}

bool Areas::update(Node& node) noexcept {
  const IovaRange& range = node.area.range;
  std::uint64_t first = range.first.value;
  std::uint64_t last = range.last.value;
  std::array<std::uint32_t, kClasses> room{};
  if (node.left != nullptr) {
    room = node.left->room;
    if (node.left->last + 1 < first && node.left->last < first) add_gap(room, node.left->last + 1, first - 1);
    first = std::min(first, node.left->first);
    last = std::max(last, node.left->last);
  }
  if (node.right != nullptr) {
    for (unsigned kind = 0; kind < kClasses; ++kind) room[kind] = std::max(room[kind], node.right->room[kind]);
    if (range.last.value < node.right->first && range.last.value + 1 < node.right->first) {
      add_gap(room, range.last.value + 1, node.right->first - 1);
    }
    first = std::min(first, node.right->first);
    last = std::max(last, node.right->last);
  }
  if (node.first == first && node.last == last && node.room == room) return false;
  node.first = first;
  node.last = last;
  node.room = room;
  return true;
}

void Areas::split(Node* tree, std::uint64_t key, Node*& below, Node*& from) noexcept {
  if (tree == nullptr) {
    below = from = nullptr;
    return;
  }
  if (key < tree->area.range.first.value) {
    split(tree->left, key, below, tree->left);
    if (tree->left != nullptr) tree->left->parent = tree;
    from = tree;
  } else {
    split(tree->right, key, tree->right, from);
    if (tree->right != nullptr) tree->right->parent = tree;
    below = tree;
  }
  (void)update(*tree);
}

Areas::Node* Areas::join(Node* left, Node* right) noexcept {
  if (left == nullptr) return right;
  if (right == nullptr) return left;
  Node* const top = left->priority >= right->priority ? left : right;
  if (top == left) {
    left->right = join(left->right, right);
    left->right->parent = left;
  } else {
    right->left = join(left, right->left);
    right->left->parent = right;
  }
  (void)update(*top);
  return top;
}

Areas::iterator Areas::insert(std::unique_ptr<Node> node) noexcept {
  random_ ^= random_ << 13;
  random_ ^= random_ >> 17;
  random_ ^= random_ << 5;
  Node* const added = node.release();
  added->priority = random_;
  const std::uint64_t key = added->area.range.first.value;
  Node* parent = nullptr;
  Node** link = &root_;
  while (*link != nullptr && (*link)->priority >= added->priority) {
    parent = *link;
    link = key < parent->area.range.first.value ? &parent->left : &parent->right;
  }
  Node* const tree = *link;
  split(tree, key, added->left, added->right);
  if (added->left != nullptr) added->left->parent = added;
  if (added->right != nullptr) added->right->parent = added;
  *link = added;
  added->parent = parent;
  (void)update(*added);
  while (parent != nullptr && update(*parent)) parent = parent->parent;
  ++size_;
  return {this, added};
}

std::unique_ptr<Areas::Node> Areas::extract(iterator at) noexcept {
  Node* const gone = at.node();
  Node* const parent = gone->parent;
  Node* const rest = join(gone->left, gone->right);
  if (rest != nullptr) rest->parent = parent;
  (parent == nullptr ? root_ : parent->left == gone ? parent->left : parent->right) = rest;
  for (Node* up = parent; up != nullptr && update(*up);) up = up->parent;
  --size_;
  gone->parent = gone->left = gone->right = nullptr;
  gone->first = gone->last = 0;
  gone->room = {};
  return std::unique_ptr<Node>(gone);
}

void Areas::merge(Areas& other) noexcept {
  if (empty()) {
    swap(other);
    return;
  }
  while (!other.empty()) insert(other.extract({&other, other.root_}));
}

Areas::Node* Areas::next(Node* node) {
  if (node->right != nullptr) {
    node = node->right;
    while (node->left != nullptr) node = node->left;
    return node;
  }
  while (node->parent != nullptr && node->parent->right == node) node = node->parent;
  return node->parent;
}

Areas::Node* Areas::previous(Node* node) {
  if (node->left != nullptr) {
    node = node->left;
    while (node->right != nullptr) node = node->right;
    return node;
  }
  while (node->parent != nullptr && node->parent->left == node) node = node->parent;
  return node->parent;
}

Areas::Node* Areas::leftmost() const {
  Node* node = root_;
  while (node != nullptr && node->left != nullptr) node = node->left;
  return node;
}

Areas::Node* Areas::rightmost() const {
  Node* node = root_;
  while (node != nullptr && node->right != nullptr) node = node->right;
  return node;
}

Areas::Node* Areas::above(Iova iova) const {
  Node* found = nullptr;
  for (Node* node = root_; node != nullptr;) {
    const bool later = node->area.range.first > iova;
    if (later) found = node;
    node = later ? node->left : node->right;
  }
  return found;
}

Areas::Node* Areas::reaching(Iova iova) const {
  Node* found = nullptr;
  for (Node* node = root_; node != nullptr;) {
    const bool reaches = node->area.range.last >= iova;
    if (reaches) found = node;
    node = reaches ? node->left : node->right;
  }
  return found;
}

}  // namespace aperture::ioas
