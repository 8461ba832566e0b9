using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using StackExchange.Redis;

namespace Clustron;

/// <summary>Settings of a <see cref="ClustronClient"/>. Read once, when the client is made.</summary>
public sealed class ClustronOptions
{
    /// <summary>StackExchange.Redis's connection string: name all nodes, <c>db1:6379,db2:6379,db3:6379</c>.</summary>
    public string? Configuration { get; set; }

    /// <summary>The same as an object, in place of <see cref="Configuration"/>.</summary>
    public ConfigurationOptions? ConfigurationOptions { get; set; }

    /// <summary>The database by its number; -1: the connection's default. Locks and keys are of a database, leases are not.</summary>
    public int Database { get; set; } = -1;

    /// <summary>How long a command is sent again, where that is safe, before its failure is told. Default: 10 s.</summary>
    public TimeSpan RetryFor { get; set; } = TimeSpan.FromSeconds(10);

    /// <summary>
    /// A command that is safe to repeat and has no answer for so long is also sent to another node; the first answer counts. Default: 1 s.
    /// </summary>
    public TimeSpan HedgeAfter { get; set; } = TimeSpan.FromSeconds(1);

    /// <summary>The name that owners of locks and leases begin with, for <c>LOCK LIST</c>; at most 64 bytes. Default: machine and process.</summary>
    public string? ClientName { get; set; }

    /// <summary>Monotonic clock and timers. Default: the system's.</summary>
    public TimeProvider TimeProvider { get; set; } = TimeProvider.System;

    /// <summary>Where lost locks, lost leases and gaps of watches are logged.</summary>
    public ILoggerFactory LoggerFactory { get; set; } = NullLoggerFactory.Instance;

    internal string OwnerName => ClientName ?? $"{Environment.MachineName}/{Environment.ProcessId}";

    internal ConfigurationOptions Parsed()
    {
        ConfigurationOptions parsed = ConfigurationOptions?.Clone()
            ?? StackExchange.Redis.ConfigurationOptions.Parse(Configuration ?? throw new ArgumentException("Neither Configuration nor ConfigurationOptions is set."));
        parsed.AbortOnConnectFail = false;
        return parsed;
    }

    internal void Check()
    {
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RetryFor, TimeSpan.Zero, nameof(RetryFor));
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(HedgeAfter, TimeSpan.Zero, nameof(HedgeAfter));
        if (System.Text.Encoding.UTF8.GetByteCount(OwnerName) > 64)
            throw new ArgumentException($"ClientName '{OwnerName}' has more than 64 bytes.", nameof(ClientName));
    }
}
