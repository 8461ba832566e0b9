using System.Collections.Concurrent;
using Microsoft.Extensions.Caching.Memory;

namespace Clustron.Caching.Internal;

/// <summary>An entry in this process's memory. Immutable.</summary>
/// <param name="Payload">Serialized.</param>
/// <param name="Value">The object itself, if nobody can change it.</param>
/// <param name="Tags">As stored in the cluster.</param>
/// <param name="Revision">Of the entry in the cluster.</param>
/// <param name="Deadline">Timestamp of its end.</param>
internal sealed record LocalEntry(byte[] Payload, object? Value, IReadOnlyList<string> Tags, long Revision, long Deadline);

/// <summary>
/// The local entries, and which of them are void. Thread-safe; the clock is given, so that nothing here waits.
/// </summary>
/// <remarks>
/// INVARIANT: an entry is not kept, nor given, if a change of its key, or a removal of one of its tags, at a later revision was told here,
/// even if that was told before the entry came: whoever loads says so first (<see cref="Begin"/>), and changes are noted for him.
/// </remarks>
internal sealed class LocalStore(TimeProvider time, long bytesMax) : IDisposable
{
    private const int RemovedTagsMax = 10_000;
    private readonly MemoryCache _entries = new(new MemoryCacheOptions { SizeLimit = bytesMax });
    private readonly object _lock = new();
    private readonly Dictionary<string, Load> _loads = [];
    private readonly ConcurrentDictionary<string, long> _removedTags = new();
    private long _invalidated, _dropped, _floor;

    /// <summary>Somebody loads a key.</summary>
    internal sealed class Load(string key)
    {
        public string Key => key;
        public int Users { get; set; }
        public long ChangedAt { get; set; }
        public bool Void { get; set; }
    }

    public long Invalidated => Interlocked.Read(ref _invalidated);
    public long Dropped => Interlocked.Read(ref _dropped);

    public LocalEntry? Get(string key)
    {
        if (!_entries.TryGetValue(key, out LocalEntry? entry) || entry is null || time.GetTimestamp() >= entry.Deadline) return null;
        return IsRemovedByTag(entry) ? null : entry;
    }

    /// <summary>To be called before the cluster is asked; what is told from then on counts for <see cref="Put"/>.</summary>
    public Load Begin(string key)
    {
        lock (_lock)
        {
            if (!_loads.TryGetValue(key, out Load? load)) _loads[key] = load = new Load(key);
            ++load.Users;
            return load;
        }
    }

    public void End(Load load)
    {
        lock (_lock)
        {
            if (--load.Users == 0 && _loads.TryGetValue(load.Key, out Load? current) && ReferenceEquals(current, load)) _loads.Remove(load.Key);
        }
    }

    /// <summary>Keeps an entry, unless it is void already.</summary>
    public bool Put(Load load, LocalEntry entry)
    {
        TimeSpan left = time.GetElapsedTime(time.GetTimestamp(), entry.Deadline);
        if (left <= TimeSpan.Zero) return false;
        lock (_lock)
        {
            if (load.Void || load.ChangedAt > entry.Revision || IsRemovedByTag(entry)) return false;
            _entries.Set(load.Key, entry, new MemoryCacheEntryOptions { Size = entry.Payload.Length + 64, AbsoluteExpirationRelativeToNow = left });
            return true;
        }
    }

    /// <summary>The key was changed at a revision.</summary>
    public void Change(string key, long revision)
    {
        lock (_lock)
        {
            if (_loads.TryGetValue(key, out Load? load) && load.ChangedAt < revision) load.ChangedAt = revision;
            if (!_entries.TryGetValue(key, out LocalEntry? entry) || entry is null || entry.Revision >= revision) return;
            _entries.Remove(key);
            ++_invalidated;
        }
    }

    /// <summary>All entries with the tag that are older than the revision are void.</summary>
    public void RemoveTag(string tag, long revision)
    {
        lock (_lock)
        {
            if (_removedTags.Count >= RemovedTagsMax)
            {
                // One revision in place of many. It is set first: readers take no lock, and look at it last.
                Interlocked.Exchange(ref _floor, _removedTags.Values.Append(_floor).Max());
                _removedTags.Clear();
            }
            _removedTags[tag] = Math.Max(revision, _removedTags.GetValueOrDefault(tag));
        }
    }

    /// <summary>Everything is void, what is being loaded too.</summary>
    public void DropAll()
    {
        lock (_lock)
        {
            foreach (Load load in _loads.Values) load.Void = true;
            _loads.Clear();
            _entries.Clear();
            ++_dropped;
        }
    }

    public void Dispose() => _entries.Dispose();

    private bool IsRemovedByTag(LocalEntry entry)
    {
        if (entry.Tags.Count == 0) return false;
        foreach (string tag in entry.Tags)
        {
            if (_removedTags.TryGetValue(tag, out long revision) && revision > entry.Revision) return true;
        }
        return entry.Revision < Interlocked.Read(ref _floor);
    }
}
