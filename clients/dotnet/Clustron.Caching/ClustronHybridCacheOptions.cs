using Microsoft.Extensions.Caching.Hybrid;

namespace Clustron.Caching;

/// <summary>Settings of a <see cref="ClustronHybridCache"/>. Read once, when it is made.</summary>
public sealed class ClustronHybridCacheOptions
{
    /// <summary>
    /// What the cache's keys begin with; all who share entries and invalidations name the same. Its index of tags is called so, too (a
    /// database has at most 64 indexes).
    /// </summary>
    public string Prefix { get; set; } = "hybrid:";

    /// <summary>Where a call names no expiration: 5 minutes. The local one is never longer than what the entry has left in the cluster.</summary>
    public HybridCacheEntryOptions DefaultEntryOptions { get; set; } = new() { Expiration = TimeSpan.FromMinutes(5) };

    /// <summary>What is larger, serialized, is not cached. Default: 1 MiB.</summary>
    public int MaximumPayloadBytes { get; set; } = 1 << 20;

    /// <summary>How many bytes of serialized values are kept in this process. Default: 100 MB.</summary>
    public long LocalBytes { get; set; } = 100_000_000;

    /// <summary>
    /// How long a reading or creating call waits for the cluster before it goes on without. Removals are not bounded by it: they throw if
    /// they can't be done. Default: 2 s.
    /// </summary>
    public TimeSpan DistributedTimeout { get; set; } = TimeSpan.FromSeconds(2);

    /// <summary>
    /// Local entries are not used when nothing has been heard from the cluster for so long: they may have been changed. A cluster that is
    /// in reach says something each 10 s. Default: 20 s.
    /// </summary>
    public TimeSpan LocalStaleAfter { get; set; } = TimeSpan.FromSeconds(20);

    internal void Check()
    {
        ArgumentException.ThrowIfNullOrEmpty(Prefix, nameof(Prefix));
        ArgumentOutOfRangeException.ThrowIfLessThan(MaximumPayloadBytes, 1, nameof(MaximumPayloadBytes));
        ArgumentOutOfRangeException.ThrowIfLessThan(LocalBytes, 1, nameof(LocalBytes));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(DistributedTimeout, TimeSpan.Zero, nameof(DistributedTimeout));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(LocalStaleAfter, TimeSpan.Zero, nameof(LocalStaleAfter));
    }
}

/// <summary>What a hybrid cache has done in this process since it was made.</summary>
public sealed record ClustronHybridCacheStatistics
{
    /// <summary>Calls that this process's memory answered.</summary>
    public required long LocalHits { get; init; }

    /// <summary>Loads that the cluster answered.</summary>
    public required long DistributedHits { get; init; }

    /// <summary>Loads for which the factory ran.</summary>
    public required long Created { get; init; }

    /// <summary>Calls that took another call's load.</summary>
    public required long Joined { get; init; }

    /// <summary>Created values that were not kept, as their key or tag was removed meanwhile.</summary>
    public required long Outdated { get; init; }

    /// <summary>Local entries that went because they were changed or removed somewhere.</summary>
    public required long Invalidated { get; init; }

    /// <summary>How often all local entries went: changes may have been missed, or everything was removed.</summary>
    public required long Dropped { get; init; }

    /// <summary>Local entries are used: changes are being heard.</summary>
    public required bool LocalIsLive { get; init; }
}
