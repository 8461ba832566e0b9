using StackExchange.Redis;

namespace Clustron;

/// <summary>What a watch tells.</summary>
public enum WatchEventKind
{
    /// <summary>The key has this value now.</summary>
    Put,

    /// <summary>The key is gone.</summary>
    Delete,

    /// <summary>
    /// Everything that was told is void: the database was flushed or swapped, or changes were missed that the server keeps no more. What
    /// there is behind it follows as <see cref="Put"/> with <see cref="WatchEvent.IsSnapshot"/>, except after a flush, when nothing is.
    /// </summary>
    Reset,
}

/// <summary>A change of a key.</summary>
public sealed record WatchEvent
{
    /// <summary>What happened.</summary>
    public required WatchEventKind Kind { get; init; }

    /// <summary>Of the change; all events of a revision come one after the other. To go on from: <see cref="WatchOptions.FromRevision"/>.</summary>
    public required long Revision { get; init; }

    /// <summary>Which key; empty of a reset.</summary>
    public RedisKey Key { get; init; }

    /// <summary>The value; null where <see cref="HasValue"/> is false.</summary>
    public RedisValue Value { get; init; }

    /// <summary>False of a string above 64 KB and of what is no string: read it.</summary>
    public bool HasValue { get; init; }

    /// <summary>The value before, if <see cref="WatchOptions.PreviousValues"/> asks for it, and it was a string of at most 64 KB.</summary>
    public RedisValue PreviousValue { get; init; }

    /// <summary>cmd, expire, lease, evict, flush, txn; of a reset flush, swap or compacted; of a snapshot "snapshot".</summary>
    public string Reason { get; init; } = "";

    /// <summary>The lease that the key is attached to.</summary>
    public string? LeaseId { get; init; }

    /// <summary>It is no change, but the state that was read.</summary>
    public bool IsSnapshot { get; init; }
}

/// <summary>What happens when changes were missed that the server keeps no more.</summary>
public enum WhenCompacted
{
    /// <summary>The state is read anew, and told behind a <see cref="WatchEventKind.Reset"/>.</summary>
    Resync,

    /// <summary>The watch ends with a <see cref="CompactedException"/>.</summary>
    Fail,
}

/// <summary>How to watch.</summary>
public sealed record WatchOptions
{
    /// <summary>First tells what there is.</summary>
    public bool Snapshot { get; init; }

    /// <summary>Goes on behind this revision, at which an earlier watch stopped, on any node. Not with <see cref="Snapshot"/>.</summary>
    public long? FromRevision { get; init; }

    /// <summary>Tells values before changes, too.</summary>
    public bool PreviousValues { get; init; }

    /// <summary>What to do about a gap.</summary>
    public WhenCompacted WhenCompacted { get; init; } = WhenCompacted.Resync;

    /// <summary>How many messages wait for a slow handler; beyond that they are fetched from the server's history when it is done.</summary>
    public int Buffer { get; init; } = 4096;
}
