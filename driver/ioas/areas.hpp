// SPDX-License-Identifier: Apache-2.0
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>

#include "base/types.hpp"
#include "ioas/area.hpp"

namespace aperture::ioas {

/// The areas of an IOAS by address. A treap whose every node knows how large the largest gap between the areas below it
/// is, for each alignment: the first gap with room is found in logarithmic time. Nodes move between trees without being
/// allocated or copied, and stay where they are in memory.
class Areas {
 public:
  /// Gaps are classed by the alignment that their room is counted at: none, then 4 KiB to 2 MiB.
  static constexpr unsigned kClasses = 11;

  struct Node {
    explicit Node(Area&& what) : area(std::move(what)) {}
    Area area;
    Node* parent{};
    Node* left{};
    Node* right{};
    std::uint64_t first{};  ///< of all areas from here down
    std::uint64_t last{};
    std::array<std::uint32_t, kClasses> room{};  ///< pages, rounded up, of the largest gap between them
    std::uint32_t priority{};
  };

  template <typename T>
  class Cursor {
   public:
    using iterator_category = std::bidirectional_iterator_tag;
    using value_type = Area;
    using difference_type = std::ptrdiff_t;
    using pointer = T*;
    using reference = T&;
    Cursor() = default;
    Cursor(const Areas* areas, Node* node) : areas_(areas), node_(node) {}
    operator Cursor<const T>() const { return {areas_, node_}; }
    T& operator*() const { return node_->area; }
    T* operator->() const { return &node_->area; }
    Cursor& operator++() {
      node_ = next(node_);
      return *this;
    }
    Cursor operator++(int) {
      Cursor old = *this;
      ++*this;
      return old;
    }
    Cursor& operator--() {
      node_ = node_ == nullptr ? areas_->rightmost() : previous(node_);
      return *this;
    }
    bool operator==(const Cursor& other) const { return node_ == other.node_; }
    Node* node() const { return node_; }

   private:
    const Areas* areas_{};
    Node* node_{};
  };
  using iterator = Cursor<Area>;
  using const_iterator = Cursor<const Area>;

  Areas() = default;
  Areas(Areas&& other) noexcept { swap(other); }
  Areas& operator=(Areas&&) = delete;
  ~Areas();

  iterator begin() { return {this, leftmost()}; }
  iterator end() { return {this, nullptr}; }
  const_iterator begin() const { return {this, leftmost()}; }
  const_iterator end() const { return {this, nullptr}; }
  std::size_t size() const { return size_; }
  bool empty() const { return size_ == 0; }

  /// Takes the node over. Areas of different IOASes may meet in one tree, which then has no use for gaps.
  iterator insert(std::unique_ptr<Node> node) noexcept;
  std::unique_ptr<Node> extract(iterator at) noexcept;
  /// Takes over everything of `other`.
  void merge(Areas& other) noexcept;
  void swap(Areas& other) noexcept;

  /// A node that is in this tree.
  iterator at(Node* node) { return {this, node}; }
  /// The first area that begins after `iova`.
  iterator upper_bound(Iova iova) { return {this, above(iova)}; }
  const_iterator upper_bound(Iova iova) const { return {this, above(iova)}; }
  /// The first area that ends at or after `iova`.
  iterator from(Iova iova) { return {this, reaching(iova)}; }
  const_iterator from(Iova iova) const { return {this, reaching(iova)}; }
  bool overlaps(IovaRange range) const {
    const const_iterator at = from(range.first);
    return at != end() && at->range.overlaps(range);
  }

  /// Calls `try_gap(first, last)` for gaps inside [first, last], ascending, until it gives true; passes over those of
  /// fewer than `pages` pages at the alignment 2^`log2`. The gaps before the first area and after the last one count.
  template <typename Try>
  bool find_gap(std::uint64_t first, std::uint64_t last, std::uint64_t pages, unsigned log2, Try&& try_gap) const {
    Walk walk{first, last, static_cast<std::uint32_t>(pages < kMostPages ? pages : kMostPages), class_of(log2), false};
    if (search(root_, walk, try_gap)) return true;
    return !walk.full && walk.at <= last && try_gap(walk.at, last);
  }

 private:
  static constexpr std::uint32_t kMostPages = 0xffffffff;
  static constexpr unsigned class_of(unsigned log2) { return log2 < 12 ? 0 : log2 > 21 ? kClasses - 1 : log2 - 11; }

  struct Walk {
    std::uint64_t at;  ///< all below is done
    std::uint64_t last;
    std::uint32_t pages;
    unsigned kind;
    bool full;  ///< an area reaches the top of the space
    void pass(std::uint64_t end) {
      at = end + 1;
      full = at == 0;
    }
  };
  template <typename Try>
  static bool search(const Node* node, Walk& walk, Try& try_gap) {
    while (node != nullptr && !walk.full && node->last >= walk.at && node->first <= walk.last) {
      if (node->room[walk.kind] < walk.pages) {
        if (node->first > walk.at && try_gap(walk.at, node->first - 1)) return true;
        walk.pass(node->last);
        return false;
      }
      if (search(node->left, walk, try_gap)) return true;
      const IovaRange& range = node->area.range;
      if (walk.full || range.first.value > walk.last) return false;
      if (range.last.value >= walk.at) {
        if (range.first.value > walk.at && try_gap(walk.at, range.first.value - 1)) return true;
        walk.pass(range.last.value);
      }
      node = node->right;
    }
    return false;
  }

  static Node* next(Node* node);
  static Node* previous(Node* node);
  Node* leftmost() const;
  Node* rightmost() const;
  Node* above(Iova iova) const;
  Node* reaching(Iova iova) const;
  /// From the node's children. Whether anything is different.
  static bool update(Node& node) noexcept;
  static void split(Node* tree, std::uint64_t key, Node*& below, Node*& from) noexcept;
  static Node* join(Node* left, Node* right) noexcept;
  static void destroy(Node* tree) noexcept;

  Node* root_{};
  std::size_t size_{};
  std::uint32_t random_{0x9e3779b9};
};

}  // namespace aperture::ioas
